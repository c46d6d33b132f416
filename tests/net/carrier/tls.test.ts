/**
 * Nodes whose connections use TLS. They do all that other nodes do, and refuse
 * a peer without a certificate that they accept. The log line of each refusal
 * is checked, too.
 */
import { connect as connectTls } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  memoryNetwork,
  Pid,
  type RunningNode,
  type Self,
  start,
  type StartOptions,
  type TlsOptions,
} from "../../../runtime/mod.ts";
import { names } from "../../../runtime/net/epmd/client.ts";
import { createHost } from "../../../runtime/platform/host/host.ts";
import { createTcpNetwork } from "../../../runtime/platform/sockets/tcp.ts";
import { createTlsNetwork } from "../../../runtime/platform/sockets/tls.ts";
import { isDown, park } from "../../helpers/actors.ts";
import {
  type CertificateName,
  certificates,
} from "../../helpers/certificates.ts";
import { freePort } from "../../helpers/ports.ts";
import { waitFor } from "../../helpers/wait.ts";
import {
  addresses,
  COOKIE,
  eventsOf,
  HOST,
  type Logged,
  startNode,
} from "../peers/raw_peer.ts";

/** Nodes that know each other's addresses and are not connected. */
async function pair(
  tlsOfA: StartOptions,
  tlsOfB: StartOptions,
): Promise<[a: Logged, b: Logged]> {
  const { peers, port } = await addresses("a@127.0.0.1", "b@127.0.0.1");
  const limits = { setupTimeoutMs: 1_000 };
  const startOne = (name: string, options: StartOptions) =>
    startNode({ name, port: port(name), peers, limits, ...options });
  const [a, b] = await Promise.all([
    startOne("a@127.0.0.1", tlsOfA),
    startOne("b@127.0.0.1", tlsOfB),
  ]);
  onTestFinished(() =>
    Promise.all([a.node.stop(), b.node.stop()]).then(() => {})
  );
  return [a, b];
}

/**
 * A node whose certificate other nodes refuse; `start` would refuse it first.
 */
function suspicious(name: CertificateName): StartOptions {
  const tls = { ...certificates(name), checkHost: false };
  return { network: createTlsNetwork(tls) };
}

/** Answers with its own pid and the message that it has received. */
function startEcho(node: RunningNode, name = "echo"): void {
  node.spawn(async (self: Self<[Pid<unknown>, unknown]>) => {
    for await (const [from, payload] of self) {
      self.send(from, [self.pid, payload]);
    }
  }, { name });
}

/** Sends to the other node's echo and resolves with the answer. */
async function ask(node: RunningNode, to: string, what: unknown) {
  return await node.run(async (self) => {
    self.send({ name: "echo", node: to }, [self.pid, what]);
    return await self.receive({ timeoutMs: 10_000 }) as [Pid, unknown];
  });
}

describe("two nodes over TLS", () => {
  const tls = certificates();

  test("exchange messages in both directions", async () => {
    const [a, b] = await pair({ tls }, { tls });
    for (const { node } of [a, b]) startEcho(node);
    expect(await a.node.connect(b.node.name)).toBe(true);
    expect([a.node.nodes(), b.node.nodes()])
      .toEqual([[b.node.name], [a.node.name]]);
    const [pid, answer] = await ask(a.node, b.node.name, { n: 1 });
    expect(pid).toBeInstanceOf(Pid);
    expect(answer).toEqual({ n: 1 });
    expect((await ask(b.node, a.node.name, "x"))[1]).toBe("x");
    expect([...a.logs.complaints, ...b.logs.complaints]).toEqual([]);
  });

  test("exchange messages of any size in order", async () => {
    const [a, b] = await pair({ tls }, { tls });
    startEcho(b.node);
    const sizes = [1, 4_000_000, 16_383, 16_384, 16_385, 2, 1_000_000, 70_000];
    const sent = sizes.map((size, i) => new Uint8Array(size).fill(i + 1));
    const heard = await a.node.run(async (self) => {
      for (const bytes of sent) {
        self.send({ name: "echo", node: b.node.name }, [self.pid, bytes]);
        await self.ready({ name: "echo", node: b.node.name });
      }
      const answers: Uint8Array[] = [];
      while (answers.length < sent.length) {
        const answer = await self.receive({ timeoutMs: 10_000 });
        answers.push((answer as [Pid, Uint8Array])[1]);
      }
      return answers;
    });
    expect(heard.map(({ length }) => length)).toEqual(sizes);
    expect(heard.every((bytes, i) => bytes.every((byte) => byte === i + 1)))
      .toBe(true);
  });

  test("that are stopped have delivered all that they sent", async () => {
    const [a, b] = await pair({ tls }, { tls });
    const events = eventsOf(b.node);
    const received = b.node.run(async (self) => {
      const sizes: number[] = [];
      while (sizes.length < 20) {
        const bytes = await self.receive({ timeoutMs: 10_000 });
        sizes.push((bytes as Uint8Array).length);
      }
      return sizes;
    }, { name: "sink" });
    const watched = b.node.run(async (self) => {
      const target = { name: "anybody", node: a.node.name };
      a.node.spawn(park, { name: "anybody" });
      self.monitor(target);
      return await self.receive(isDown);
    });
    expect(await a.node.connect(b.node.name)).toBe(true);
    for (let i = 1; i <= 20; i++) {
      a.node.send({ name: "sink", node: b.node.name }, new Uint8Array(i * 999));
    }
    await a.node.stop();
    expect(await received).toEqual(
      Array.from({ length: 20 }, (_, i) => (i + 1) * 999),
    );
    expect((await watched).type).toBe("DOWN");
    await waitFor(() => events.length === 2, { what: "join and departure" });
    expect(events).toEqual(["+a@127.0.0.1", "-a@127.0.0.1"]);
    expect(b.logs.complaints).toEqual([]);
  });

  test("use an epmd without TLS", async () => {
    const epmdPort = await freePort();
    const options = { tls, epmdPort };
    const a = await startNode({ name: "a@127.0.0.1", ...options });
    const b = await startNode({ name: "b@127.0.0.1", ...options });
    expect(await b.node.connect(a.node.name)).toBe(true);
    const known = await names({
      network: createTcpNetwork(),
      timers: createHost({ log: () => {} }),
      host: HOST,
      epmdPort,
    });
    expect(known.map(({ name, port }) => [name, port]).sort())
      .toEqual([["a", a.node.port], ["b", b.node.port]]);
  });

  test("that connect to each other at once are connected once", async () => {
    const [a, b] = await pair({ tls }, { tls });
    for (let round = 0; round < 10; round++) {
      const both = [a.node.connect(b.node.name), b.node.connect(a.node.name)];
      expect(await Promise.all(both)).toEqual([true, true]);
      expect([a.node.nodes(), b.node.nodes()])
        .toEqual([[b.node.name], [a.node.name]]);
      a.node.disconnect(b.node.name);
      await waitFor(() => b.node.nodes().length === 0, { what: "the end" });
    }
    expect([...a.logs.complaints, ...b.logs.complaints]).toEqual([]);
  });

  test("need the same cookie nevertheless", async () => {
    const [a, b] = await pair({ tls, cookie: "guess" }, { tls });
    expect(await a.node.connect(b.node.name)).toBe(false);
    await waitFor(() => b.logs.complaints.length > 0, { what: "a line" });
    expect(b.logs.complaints.join()).toMatch(/prove our cookie/);
  });
});

/** `a` connects, then `b`; resolves with the reasons why that fails. */
async function clash(
  ofA: StartOptions,
  ofB: StartOptions,
): Promise<Record<"aDials" | "bDials", { a: string; b: string }>> {
  const [a, b] = await pair(ofA, ofB);
  const attempt = async ({ node }: Logged, to: Logged) => {
    for (const { logs } of [a, b]) logs.records.length = 0;
    expect(await node.connect(to.node.name)).toBe(false);
    expect([...a.node.nodes(), ...b.node.nodes()]).toEqual([]);
    // The test's own network does not log peers that dial.
    await waitFor(
      () => ofB.network !== undefined || b.logs.complaints.length > 0,
      { what: "a word from b" },
    );
    await waitFor(
      () => a.logs.records.some(({ category }) => category === "net"),
      { what: "a word from a" },
    );
    return { a: a.logs.complaints.join("\n"), b: b.logs.complaints.join("\n") };
  };
  return { aDials: await attempt(a, b), bDials: await attempt(b, a) };
}

const good: StartOptions = { tls: certificates() };

describe("a node over TLS refuses", () => {
  test("a node with a certificate of another CA", async () => {
    const { aDials, bDials } = await clash(good, suspicious("stranger"));
    expect(aDials.a).toMatch(
      /^warning: could not connect to b@127.0.0.1: could not connect to 127.0.0.1:\d+: its certificate is not signed by a CA in `ca` \([A-Z_]+\)$/,
    );
    expect(bDials.a).toMatch(
      /^warning: refused 127.0.0.1:\d+: its certificate is not signed by a CA in `ca`/,
    );
    // In TLS 1.3 it is done before it is refused, so it can only guess why.
    expect(bDials.b).toMatch(
      /^warning: could not connect to a@127.0.0.1: a@127.0.0.1 closed the connection during the handshake \(.*perhaps it does not accept this node's certificate/,
    );
  });

  test("a node that trusts only another CA", async () => {
    const picky = {
      network: createTlsNetwork(certificates("node", "other_ca")),
    };
    const { aDials, bDials } = await clash(good, picky);
    expect(aDials.a).toMatch(
      /perhaps it does not accept this node's certificate/,
    );
    expect(bDials.b).toMatch(/its certificate is not signed by a CA in `ca`/);
  });

  test("a node whose certificate has expired", async () => {
    const says = /its certificate has expired|or not valid now/;
    const { aDials, bDials } = await clash(good, suspicious("expired"));
    expect(aDials.a).toMatch(says);
    expect(bDials.a).toMatch(says);
  });

  test("a node whose certificate names another host", async () => {
    const says =
      /expected a certificate that names 127.0.0.1, the host of b@127.0.0.1, got one that names .*elsewhere.example/;
    const { aDials, bDials } = await clash(good, suspicious("elsewhere"));
    expect(aDials.a).toMatch(says);
    expect(bDials.a).toMatch(
      /^warning: a handshake from 127.0.0.1:\d+ failed: refused b@127.0.0.1: /,
    );
    expect(bDials.a).toMatch(says);
    expect(bDials.b).toMatch(/a@127.0.0.1 does not allow us/);
  });

  test("a node without TLS", async () => {
    const { aDials, bDials } = await clash(good, {});
    expect(aDials.a).toMatch(/perhaps it does not speak TLS/);
    expect(aDials.b).toMatch(
      /^warning: a handshake from 127.0.0.1:\d+ failed: expected a node without TLS, got one with it/,
    );
    expect(bDials.a).toMatch(
      /^warning: refused 127.0.0.1:\d+: it does not speak TLS; start it with TLS as well/,
    );
    expect(bDials.b).toMatch(/closed the connection|got one with it/);
  });

  test("a peer that shows no certificate", async () => {
    const { node, logs } = await startNode({ name: "a@127.0.0.1", ...good });
    const ca = (good.tls as TlsOptions).ca as string;
    const socket = connectTls({ host: HOST, port: node.port, ca });
    onTestFinished(() => void socket.destroy());
    let received = 0;
    socket.on("error", () => {});
    socket.on("data", (chunk: Uint8Array) => received += chunk.length);
    await waitFor(() => socket.destroyed, { what: "the end" });
    await waitFor(() => logs.complaints.length > 0, { what: "a line" });
    expect(logs.complaints).toEqual([
      expect.stringMatching(/refused 127.0.0.1:\d+: it has no certificate/),
    ]);
    expect(received).toBe(0);
  });

  test("the host's name, where it is told so", async () => {
    const anyHost = {
      tls: { ...certificates("elsewhere"), checkHost: false },
    };
    const [a, b] = await pair(anyHost, anyHost);
    expect(await a.node.connect(b.node.name)).toBe(true);
  });
});

describe("start refuses", () => {
  const tls = certificates();
  const name = "a@127.0.0.1";
  test.each<[what: string, options: StartOptions, says: string]>([
    [
      "tls along with a network",
      { name, cookie: COOKIE, tls, network: memoryNetwork() },
      "expected one of the options tls and network, got both",
    ],
    ["tls without a name", { tls }, "expected a name along with a cookie, tls"],
    [
      "a certificate that no node accepts",
      { name: "a@example.org", cookie: COOKIE, tls },
      "expected a certificate that names example.org",
    ],
    [
      "what is no object",
      { name, cookie: COOKIE, tls: "certs" as unknown as TlsOptions },
      "expected tls of start to be an object",
    ],
    [
      "a path",
      { name, cookie: COOKIE, tls: { ...tls, cert: "certs/node.pem" } },
      'and not its path, got "certs/node.pem"',
    ],
  ])("%s", async (_, options, says) => {
    const refused = start({ epmdPort: false, ...options });
    await expect(refused).rejects.toMatchObject({
      name: "UsageError",
      message: expect.stringContaining(says),
    });
  });
});
