/**
 * A BEAM node and a node of ours that connect to each other at the same moment,
 * hundreds of times, with our name smaller and greater: each time there is one connection in the end, no actor is notified of a
 * second one, and the messages arrive.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { atom, type Carrier, type Network } from "../../../runtime/mod.ts";
import { createTcpNetwork } from "../../../runtime/platform/sockets/tcp.ts";
import {
  type BeamNode,
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import { waitFor } from "../../helpers/wait.ts";
import { eventsOf, scattered } from "../../net/peers/raw_peer.ts";

const ROUNDS = 100;

matrix("a BEAM node and ours that connect at the same moment", () => {
  let epmdPort: number;
  let them: BeamNode;
  beforeAll(async () => {
    ({ port: epmdPort } = await startEpmd());
    them = await startBeam("m@127.0.0.1", { epmdPort });
  });
  const summary: string[] = [];
  afterAll(() => console.log(summary.join("\n")));

  test.each([["smaller", "a@127.0.0.1"], ["greater", "z@127.0.0.1"]])(
    "our name is %s",
    { timeout: 60_000 },
    async (which, name) => {
      const random = scattered(20_262);
      const statuses = which === "smaller"
        ? { "got nok": 0, "gave ok_simultaneous": 0 }
        : { "gave nok": 0, "got ok_simultaneous": 0 };
      const { node, logs } = await startOurs(name, epmdPort, {
        network: watched(createTcpNetwork(), statuses, random),
        limits: { setupTimeoutMs: 3_000 },
      });
      const events = eventsOf(node);
      const heard: unknown[] = [];
      node.spawn(async (self) => {
        for await (const message of self) heard.push(message);
      }, { name: "inbox" });
      const session = them.session();
      await session(
        `net_kernel:monitor_nodes(true), register(inbox, self()),
         Drop = fun() ->
           erlang:disconnect_node('${name}'),
           receive {nodedown, '${name}'} -> ok end
         end`,
      );
      for (let round = 1; round <= ROUNDS; round++) {
        // Both at once, give or take a few milliseconds.
        const theirs = session(
          `erlang:yield(), {inbox, '${name}'} ! ${round},
           true = net_kernel:connect_node('${name}'),
           receive {nodeup, '${name}'} -> up end,
           receive [from_us, ${round}] -> heard end`,
        );
        await moments(random(600) / 100);
        node.send({ name: "inbox", node: them.name }, fromUs(round));
        const [isUp, came] = await Promise.all([
          node.connect(them.name),
          theirs,
        ]);
        expect([round, isUp, came]).toEqual([round, true, "heard"]);
        await waitFor(() => heard.length === round, { what: "their message" });
        // No listener saw an end or a second beginning of it.
        expect(events).toEqual([`+${them.name}`]);
        expect(node.nodes()).toEqual([them.name]);
        expect(await session("{nodes(), beam_driver:contents()}"))
          .toMatch(/^\{\[.*@127\.0\.0\.1'\],\[\]\}$/);
        if (random(2) === 0) node.disconnect(them.name);
        await session("Drop()");
        await waitFor(() => node.nodes().length === 0, { what: "the end" });
        events.length = 0;
      }
      expect(heard).toEqual(Array.from({ length: ROUNDS }, (_, i) => i + 1));
      const seen = Object.entries(statuses).map(([how, n]) => `${n} ${how}`);
      summary.push(
        `our name is ${which}, ${ROUNDS} rounds: ${seen.join(", ")}`,
      );
      // Attempts have crossed, and were decided in either way there is.
      expect(Object.values(statuses).every((n) => n > 0)).toBe(true);
      expect(logs.complaints).toEqual([]);
      await session("unregister(inbox), net_kernel:monitor_nodes(false)");
      await node.stop();
    },
  );
});

/** Up to that many milliseconds, as exactly as the event loop allows. */
async function moments(ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/**
 * A network that counts which answers to names went over it, and is slow now
 * and then, so that what is on one carrier may overtake what is on another.
 */
function watched(
  network: Network,
  counts: Record<string, number>,
  random: (limit: number) => number,
): Network {
  const count = (how: string, bytes: Uint8Array): void => {
    const text = String.fromCharCode(...bytes.subarray(0, 20));
    for (const status of ["nok", "ok_simultaneous"]) {
      const length = String.fromCharCode(status.length + 1);
      if (!text.startsWith(`\0${length}s${status}`)) continue;
      counts[`${how} ${status}`] = (counts[`${how} ${status}`] ?? 0) + 1;
    }
  };
  /** Does things in order, each up to two milliseconds late. */
  const lane = () => {
    let last = Promise.resolve();
    return (act: () => void): void => {
      last = last.then(() => moments(random(200) / 100)).then(act);
    };
  };
  const watch = (carrier: Carrier): Carrier => {
    const [incoming, outgoing] = [lane(), lane()];
    return {
      remote: carrier.remote,
      get bufferedBytes() {
        return carrier.bufferedBytes;
      },
      open: (handlers) =>
        carrier.open({
          data: (chunk) => {
            count("got", chunk);
            incoming(() => handlers.data(chunk));
          },
          drain: () => incoming(() => handlers.drain()),
          closed: (reason) => incoming(() => handlers.closed(reason)),
        }),
      write: (chunk) => {
        count("gave", chunk);
        outgoing(() => void carrier.write(chunk));
        return true;
      },
      close: (lingerMs) => outgoing(() => carrier.close(lingerMs)),
      destroy: () => outgoing(() => carrier.destroy()),
    };
  };
  return {
    connect: async (to) => watch(await network.connect(to)),
    listen: (at, accept) =>
      network.listen(at, (carrier) => accept(watch(carrier))),
  };
}

function fromUs(round: number): unknown[] {
  return [atom("from_us"), round];
}
