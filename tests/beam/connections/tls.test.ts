/**
 * TLS with real BEAM nodes (`-proto_dist inet_tls`), which check certificates
 * as well: either side may connect, and neither side accepts a peer that
 * shows no certificate of its CA.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NodeDown, type Pid, type Tuple } from "../../../runtime/mod.ts";
import { hasBeamWithTls } from "../../helpers/beam.ts";
import {
  type BeamNode,
  introduce,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import {
  type CertificateName,
  certificates,
  pemPath,
} from "../../helpers/certificates.ts";
import { inside, puppet } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";
import { eventsOf, type Logged } from "../../net/peers/raw_peer.ts";

let epmdPort: number;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hornbeam-tls-"));
  ({ port: epmdPort } = await startEpmd());
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

type BeamTls = {
  readonly name: CertificateName;
  /** More options of both sides, as Erlang's terms. */
  readonly options?: readonly string[];
  /** Whether it shows a certificate where it dials. */
  readonly hasClientCertificate?: boolean;
};

/** A BEAM node that checks as we do. */
function startTlsBeam(node: string, tls: BeamTls): Promise<BeamNode> {
  const { name, options = [], hasClientCertificate = true } = tls;
  const own = [
    `{certfile, "${pemPath(name)}"}`,
    `{keyfile, "${pemPath("key")}"}`,
  ];
  const common = [
    `{cacertfile, "${pemPath("ca")}"}`,
    "{verify, verify_peer}",
    ...options,
  ];
  const server = [...own, ...common, "{fail_if_no_peer_cert, true}"];
  const client = hasClientCertificate ? [...own, ...common] : common;
  const file = join(folder, `${node}.conf`);
  writeFileSync(
    file,
    `[{server, [${server.join()}]}, {client, [${client.join()}]}].\n`,
  );
  const flags = ["-proto_dist", "inet_tls", "-ssl_dist_optfile", file];
  return startBeam(node, { epmdPort, flags });
}

const startTlsOurs = (
  node: string,
  name: CertificateName = "node",
): Promise<Logged> => startOurs(node, epmdPort, { tls: certificates(name) });

const connect = (to: string) => `net_kernel:connect_node('${to}')`;

const isThere = hasBeamWithTls();

describe.skipIf(!isThere)("a BEAM node and a node of ours over TLS", () => {
  let them: BeamNode;
  let ours: Logged;
  beforeAll(async () => {
    [them, ours] = await Promise.all([
      startTlsBeam("a@127.0.0.1", { name: "node" }),
      startTlsOurs("ts@127.0.0.1"),
    ]);
  });

  /** Both see each other, and bytes of any kind arrive as they were sent. */
  async function talk(there: BeamNode, here: Logged): Promise<void> {
    expect(here.node.nodes()).toContain(there.name);
    expect(await there.run("nodes()")).toContain(`'${here.node.name}'`);
    const session = there.session();
    const actor = puppet(here.node);
    const pid = await introduce(session, actor);
    for (const size of [1, 16_384, 1_048_576]) {
      const bytes = Uint8Array.from(
        { length: size },
        (_, i) => i * 31 >> 2 | 128,
      );
      await inside(actor, (self) => void self.send(pid, bytes));
      const variable = `Bytes${size}`;
      await session(
        `receive ${variable} -> Ours ! {self(), ${variable}, {1.5, [x]}} end, ok`,
      );
      const answer = await inside(actor, (self) => self.receive()) as Tuple;
      const [from, back] = answer.items as [Pid, Uint8Array];
      expect(from).toBe(pid);
      expect(back).toHaveLength(size);
      expect(back.every((byte, i) => byte === bytes[i])).toBe(true);
    }
  }

  test("connect when it dials", async () => {
    expect(await them.run(connect(ours.node.name))).toBe("true");
    await talk(them, ours);
    const events = eventsOf(ours.node);
    await them.run(`erlang:disconnect_node('${ours.node.name}')`);
    // A node that has a signal for it may have connected to it again by then.
    await waitFor(() => events.includes(`-${them.name}`), { what: "the end" });
  });

  test("connect when we dial", async () => {
    expect(await ours.node.connect(them.name)).toBe(true);
    await talk(them, ours);
    expect(ours.logs.complaints).toEqual([]);
  });

  test("connect with TLS 1.2 and a CA in between", async () => {
    const options = ["{versions, ['tlsv1.2']}"];
    const older = await startTlsBeam("b@127.0.0.1", { name: "chain", options });
    const chained = await startTlsOurs("chained@127.0.0.1", "chain");
    expect(await older.run(connect(chained.node.name))).toBe("true");
    await talk(older, chained);
    expect(await ours.node.connect(older.name)).toBe(true);
    await talk(older, ours);
    await Promise.all([older.stop(), chained.node.stop()]);
  });

  test("see the other's end at once", async () => {
    const mortal = await startTlsBeam("mortal@127.0.0.1", { name: "node" });
    expect(await ours.node.connect(mortal.name)).toBe(true);
    const watched = ours.node.run(async (self) => {
      self.monitorNodes();
      mortal.process.kill("SIGKILL");
      return await self.receive({ timeoutMs: 10_000 });
    });
    expect(await watched).toMatchObject({ node: mortal.name });
    expect(await watched).toBeInstanceOf(NodeDown);
    const short = await startTlsOurs("short@127.0.0.1");
    expect(await short.node.connect(them.name)).toBe(true);
    const session = them.session();
    await session(`monitor_node('${short.node.name}', true)`);
    await short.node.stop();
    expect(await session("beam_driver:next()"))
      .toBe(`{nodedown,'${short.node.name}'}`);
  });
});

describe.skipIf(!isThere)("over TLS no node accepts", () => {
  let ours: Logged;
  beforeAll(async () => {
    ours = await startTlsOurs("ts2@127.0.0.1");
  });

  async function nextComplaint(of: Logged): Promise<string> {
    await waitFor(() => of.logs.complaints.length > 0, { what: "a line" });
    const lines = of.logs.complaints;
    of.logs.records.length = 0;
    expect(lines).toHaveLength(1);
    expect(of.node.nodes()).toEqual([]);
    return lines[0]!;
  }

  test("a BEAM node with a certificate of another CA", async () => {
    const them = await startTlsBeam("stranger@127.0.0.1", { name: "stranger" });
    expect(await them.run(connect(ours.node.name))).toBe("false");
    expect(await nextComplaint(ours)).toMatch(
      /refused 127.0.0.1:\d+: its certificate is not signed by a CA in `ca`/,
    );
    expect(await ours.node.connect(them.name)).toBe(false);
    expect(await nextComplaint(ours)).toMatch(
      /could not connect to stranger@127.0.0.1: .* its certificate is not signed by a CA in `ca`/,
    );
  });

  test("a BEAM node whose certificate names another host", async () => {
    const says =
      /expected a certificate that names 127.0.0.1, the host of elsewhere@127.0.0.1, got one that names .*elsewhere.example/;
    const them = await startTlsBeam("elsewhere@127.0.0.1", {
      name: "elsewhere",
    });
    expect(await them.run(connect(ours.node.name))).toBe("false");
    expect(await nextComplaint(ours)).toMatch(says);
    expect(await ours.node.connect(them.name)).toBe(false);
    expect(await nextComplaint(ours)).toMatch(says);
  });

  test("a BEAM node that shows no certificate", async () => {
    const them = await startTlsBeam("bare@127.0.0.1", {
      name: "node",
      hasClientCertificate: false,
    });
    expect(await them.run(connect(ours.node.name))).toBe("false");
    expect(await nextComplaint(ours)).toMatch(/it has no certificate/);
  });

  test("us with a certificate of another CA", async () => {
    const them = await startTlsBeam("c@127.0.0.1", { name: "node" });
    const stranger = await startTlsOurs("us@127.0.0.1", "stranger");
    expect(await stranger.node.connect(them.name)).toBe(false);
    expect(await nextComplaint(stranger)).toMatch(
      /it does not know the CA of this node's certificate|perhaps it does not accept this/,
    );
    expect(await them.run(connect(stranger.node.name))).toBe("false");
    expect(await them.run("nodes()")).toBe("[]");
  });

  test("a BEAM node without TLS, and it not us", async () => {
    const them = await startBeam("plain@127.0.0.1", { epmdPort });
    expect(await them.run(connect(ours.node.name))).toBe("false");
    expect(await nextComplaint(ours)).toMatch(/it does not speak TLS/);
    const hasty = await startOurs("hasty@127.0.0.1", epmdPort, {
      tls: certificates(),
      limits: { setupTimeoutMs: 500 },
    });
    expect(await hasty.node.connect(them.name)).toBe(false);
    expect(await nextComplaint(hasty)).toMatch(/perhaps it does not speak TLS/);
  });
});
