/**
 * The handshake with a real BEAM node, in both directions. It shows that Erlang
 * ignores what Hornbeam adds to the handshake.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import type { Carrier } from "../../../runtime/net/carrier/carrier.ts";
import { lookup, register } from "../../../runtime/net/epmd/client.ts";
import { startEpmdServer } from "../../../runtime/net/epmd/server.ts";
import { createHost } from "../../../runtime/platform/host/host.ts";
import { createTcpNetwork } from "../../../runtime/platform/sockets/tcp.ts";
import { frame, FrameParser } from "../../../runtime/wire/framing/frames.ts";
import {
  announce,
  type HandshakePeer,
} from "../../../runtime/wire/handshake/messages.ts";
import { BASE_FLAGS } from "../../../runtime/wire/handshake/flags.ts";
import {
  Acceptor,
  type HandshakeStep,
  Initiator,
} from "../../../runtime/wire/handshake/machine.ts";
import { hasBeam } from "../../helpers/beam.ts";
import { type SpawnedProcess, spawnProcess } from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";

const network = createTcpNetwork();
const platform = createHost({ log: () => {} });
const LOOPBACK = "127.0.0.1";
const own: HandshakePeer = {
  name: "ours@127.0.0.1",
  flags: BASE_FLAGS,
  creation: 77,
  announcement: announce(1),
};

function options(cookie: string) {
  const { md5, randomU32 } = platform;
  return { own, cookie: () => cookie, md5, randomU32 };
}

/** Runs a machine over a carrier; collects its result and later frames. */
function drive(carrier: Carrier, machine: Initiator | Acceptor) {
  const parser = new FrameParser({ headerBytes: 2, maxFrameBytes: 100_000 });
  const ends: HandshakeStep[] = [];
  const frames: Uint8Array[] = [];
  const perform = (steps: HandshakeStep[]): void => {
    for (const step of steps) {
      if (step.type === "send") carrier.write(frame(step.payload, 2));
      else if (step.type === "askStatus") {
        perform((machine as Acceptor).answerStatus("ok"));
      } else {
        ends.push(step);
        if (step.type === "done") parser.switchTo(4);
        else carrier.destroy();
      }
    }
  };
  onTestFinished(() => carrier.destroy());
  carrier.open({
    data: (chunk) => {
      parser.push(chunk);
      for (let next = parser.next(); next !== null; next = parser.next()) {
        if (ends.length === 0) perform(machine.receive(next));
        else frames.push(next);
      }
    },
    drain: () => {},
    closed: () => perform(machine.closed()),
  });
  if (machine instanceof Initiator) perform(machine.start());
  return { ends, frames };
}

/** A BEAM node that is registered with an embedded epmd. */
async function beam(evaluate: string): Promise<{
  epmdPort: number;
  erl: SpawnedProcess;
}> {
  const server = await startEpmdServer({
    network,
    platform,
    port: 0,
    nodeName: own.name,
  });
  if (server === "already-running") throw new Error("expected a free port");
  onTestFinished(() => server.close());
  const erl = spawnProcess("erl", [
    ...["-noshell", "-noinput", "-start_epmd", "false"],
    ...["-name", "beam@127.0.0.1", "-setcookie", "secret", "-eval", evaluate],
  ], { env: { ERL_EPMD_PORT: String(server.port) } });
  onTestFinished(() => void erl.stop());
  return { epmdPort: server.port, erl };
}

async function dial(epmdPort: number, cookie: string) {
  const entry = await lookup({
    network,
    timers: platform,
    host: LOOPBACK,
    epmdPort,
  }, "beam");
  const carrier = await network.connect({
    host: LOOPBACK,
    port: entry!.port,
    timeoutMs: 5_000,
  });
  return drive(
    carrier,
    new Initiator(options(cookie), "beam@127.0.0.1", () => true),
  );
}

describe.skipIf(!hasBeam("erl"))("our handshake and a BEAM node", () => {
  test("connect when this node dials, but not with another cookie", async () => {
    const { epmdPort, erl } = await beam('io:format("up~n").');
    await erl.waitForLine(/^up$/, 15_000);
    const good = await dial(epmdPort, "secret");
    await waitFor(() => good.ends.length === 1, { what: "the handshake" });
    expect(good.ends[0]).toMatchObject({
      type: "done",
      peer: { name: "beam@127.0.0.1", announcement: null },
      chosenFlags: BASE_FLAGS,
    });
    const bad = await dial(epmdPort, "wrong");
    await waitFor(() => bad.ends.length === 1, { what: "the refusal" });
    expect(bad.ends[0])
      .toMatchObject({ type: "failed", reason: "bad-cookie" });
  });

  test("connect when the BEAM node dials", async () => {
    const accepted: ReturnType<typeof drive>[] = [];
    const listener = await network.listen(
      { host: LOOPBACK, port: 0 },
      (carrier) =>
        accepted.push(drive(carrier, new Acceptor(options("secret")))),
    );
    onTestFinished(() => listener.close());
    const { epmdPort, erl } = await beam(
      `io:format("up~n"), Wait = fun Wait(0) -> timeout; Wait(N) ->
         case net_kernel:hidden_connect_node('ours@127.0.0.1') of
           true -> nodes(hidden);
           _ -> timer:sleep(20), Wait(N - 1)
         end end, io:format("sees ~w~n", [Wait(200)]).`,
    );
    const registration = await register({
      network,
      timers: platform,
      host: LOOPBACK,
      epmdPort,
      name: "ours",
      listenPort: listener.port,
      hidden: true,
    });
    onTestFinished(() => registration.close());
    await erl.waitForLine(/^sees \['ours@127\.0\.0\.1'\]$/, 15_000);
    expect(accepted.at(-1)!.ends).toMatchObject([{
      type: "done",
      peer: { name: "beam@127.0.0.1", announcement: null },
    }]);
  });
});
