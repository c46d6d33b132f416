/**
 * TLS alone: which peers are accepted, and what is logged about the others. The
 * tests of TLS and TCP together are in carriers.test.ts.
 */
import { connect as connectTcp, type Socket } from "node:net";
import * as tls from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type Carrier,
  CarrierError,
} from "../../runtime/net/carrier/carrier.ts";
import { createTcpNetwork } from "../../runtime/platform/sockets/tcp.ts";
import {
  createTlsNetwork,
  type TlsNetworkOptions,
} from "../../runtime/platform/sockets/tls.ts";
import {
  checkTlsOptions,
  type TlsOptions,
} from "../../runtime/platform/sockets/tls_options.ts";
import { certificates, pemPath } from "../helpers/certificates.ts";
import { currentRuntime } from "../helpers/processes.ts";
import { waitFor } from "../helpers/wait.ts";
import { bytes, End, HOST, listen, pair } from "./carriers.ts";

/** A listener, with the carriers it accepts and the lines it logs. */
async function listenTls(options: Partial<TlsNetworkOptions> = {}) {
  const lines: string[] = [];
  const log = (level: string, message: string) =>
    void lines.push(`${level}: ${message}`);
  const network = createTlsNetwork({ ...certificates(), log, ...options });
  const { listener, accepted } = await listen(network);
  return { listener, port: listener.port, accepted, lines };
}

/** Dials; resolves with the carrier, or with the reason why that failed. */
function dial(
  port: number,
  options: TlsOptions,
  nodeName?: string,
): Promise<Carrier | CarrierError> {
  return createTlsNetwork(options).connect({
    host: HOST,
    port,
    timeoutMs: 5_000,
    ...(nodeName === undefined ? {} : { nodeName }),
  }).catch((error: CarrierError) => error);
}

/** How the carrier ends: in TLS 1.3 the other side refuses by ending it. */
async function endOf(dialled: Carrier | CarrierError): Promise<string> {
  if (dialled instanceof CarrierError) throw dialled;
  const end = new End(dialled);
  await waitFor(() => end.closings.length === 1, { what: "the end" });
  expect(end.chunks).toEqual([]);
  return end.closings[0]!;
}

function untrusted(about: RegExp) {
  return expect.objectContaining({
    code: "untrusted",
    message: expect.stringMatching(about),
  });
}

async function oneLine(lines: readonly string[]): Promise<string> {
  await waitFor(() => lines.length > 0, { what: "a line of the log" });
  expect(lines).toHaveLength(1);
  return lines[0]!;
}

describe("tls carriers", () => {
  test("tell the size of the length of a handshake message", async () => {
    const [a, b] = await pair(createTlsNetwork(certificates()));
    expect([a.handshakeHeaderBytes, b.handshakeHeaderBytes]).toEqual([4, 4]);
  });

  test("carry large chunks whole", async () => {
    const [a, b] = await pair(createTlsNetwork(certificates()));
    const right = new End(b);
    new End(a);
    const sent = Uint8Array.from({ length: 5_000_000 }, (_, i) => i * 7 >> 3);
    a.write(sent.subarray(0, 4_000_000));
    a.write(sent.subarray(4_000_000));
    await waitFor(() => right.received === sent.length, { what: "all bytes" });
    const joined = new Uint8Array(sent.length);
    let at = 0;
    for (const chunk of right.chunks) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    expect(joined.every((byte, i) => byte === sent[i])).toBe(true);
  });

  test("accept bytes, lists and intermediate certificates", async () => {
    const { cert, key, ca } = certificates("chain");
    const encode = (text: unknown) => bytes(text as string);
    const { port, accepted, lines } = await listenTls({
      cert: encode(cert),
      key: encode(key),
      ca: [encode(certificates("stranger", "other_ca").ca), encode(ca)],
    });
    for (const name of ["chain", "stranger"] as const) {
      const dialled = await dial(port, certificates(name), "a@127.0.0.1");
      expect(dialled).not.toBeInstanceOf(Error);
      onTestFinished(() => (dialled as Carrier).destroy());
    }
    await waitFor(() => accepted.length === 2, { what: "both carriers" });
    expect(lines).toEqual([]);
  });

  test("compare the peer's certificate with its name", async () => {
    const [a, b] = await pair(createTlsNetwork(certificates()));
    for (const end of [a, b]) {
      expect(end.complainAbout?.("any@127.0.0.1")).toBe(null);
      expect(end.complainAbout?.("any@localhost")).toBe(null);
      expect(end.complainAbout?.("any@::1")).toBe(null);
      expect(end.complainAbout?.("any@127.0.0.2")).toMatch(
        /^expected a certificate that names 127\.0\.0\.2, .* got .*localhost/,
      );
      expect(end.complainAbout?.("any@example.org")).toMatch(/names example/);
    }
    const [w] = await pair(createTlsNetwork(certificates("wildcard")));
    for (const HOST of ["a.example.org", "A.Example.ORG", "10.0.0.1"]) {
      expect(w.complainAbout?.(`any@${HOST}`)).toBe(null);
    }
    for (const HOST of ["example.org", "a.b.example.org", "10.0.0.2", "org"]) {
      expect(w.complainAbout?.(`any@${HOST}`)).toContain(
        "got one that names DNS:*.",
      );
    }
    const [c] = await pair(
      createTlsNetwork({ ...certificates(), checkHost: false }),
    );
    expect(c.complainAbout?.("any@example.org")).toBe(null);
  });
});

describe("a tls listener refuses", () => {
  const isDeno = currentRuntime() === "deno";
  test.each(
    [
      [
        "a certificate of another CA",
        "stranger",
        /its certificate is not signed by a CA in `ca`/,
      ],
      [
        "an expired certificate",
        "expired",
        isDeno ? /or not valid now/ : /its certificate has expired/,
      ],
    ] as const,
  )("%s", async (_, name, says) => {
    const { port, accepted, lines } = await listenTls();
    const closed = await endOf(await dial(port, certificates(name)));
    expect(closed).toMatch(
      /perhaps it does not accept this node's certificate/,
    );
    const line = await oneLine(lines);
    expect(line).toMatch(says);
    expect(line).toMatch(/^warning: refused 127\.0\.0\.1:\d+: /);
    expect(accepted).toEqual([]);
  });

  test("a peer without a certificate", async () => {
    const { port, accepted, lines } = await listenTls();
    const socket = tls.connect({
      host: HOST,
      port,
      ca: certificates().ca as string,
    });
    onTestFinished(() => void socket.destroy());
    const errors: string[] = [];
    socket.on("error", (error: Error & { code: string }) => {
      errors.push(error.code);
    });
    await waitFor(() => socket.destroyed, { what: "the end" });
    expect(errors.join()).toMatch(/ALERT_CERTIFICATE_REQUIRED/);
    expect(await oneLine(lines)).toMatch(
      /^warning: refused 127\.0\.0\.1:\d+: it has no certificate/,
    );
    expect(accepted).toEqual([]);
  });

  test("a peer without TLS", async () => {
    const { port, accepted, lines } = await listenTls();
    const plain = await createTcpNetwork()
      .connect({ host: HOST, port, timeoutMs: 5_000 });
    const end = new End(plain);
    plain.write(bytes("\0\x15N and the rest of a name"));
    await waitFor(() => end.closings.length === 1, { what: "the end" });
    expect(await oneLine(lines)).toMatch(
      /^warning: refused 127\.0\.0\.1:\d+: it does not speak TLS; start it/,
    );
    expect(accepted).toEqual([]);
  });

  test("a peer that says nothing for too long", async () => {
    const { port, lines } = await listenTls({ handshakeTimeoutMs: 100 });
    const socket = await dialPlain(port);
    await waitFor(() => socket.destroyed, { what: "the end" });
    expect(await oneLine(lines)).toMatch(/^warning: .*timeout/);
  });

  test("more peers than may set up TLS at a time", async () => {
    const { port, accepted, lines } = await listenTls({ maxHandshakes: 3 });
    const silent: Socket[] = [];
    for (let i = 0; i < 5; i++) silent.push(await dialPlain(port));
    await waitFor(() => silent.filter((one) => one.destroyed).length === 2, {
      what: "two refusals",
    });
    const complaints = lines.filter((line) => line.startsWith("warning: "));
    expect(complaints).toHaveLength(2);
    expect(complaints.join()).toMatch(/refused .*: too many TLS handshakes/);
    for (const socket of silent) socket.destroy();
    await waitFor(async () => {
      const dialled = await dial(port, certificates());
      if (dialled instanceof Error) return false;
      onTestFinished(() => dialled.destroy());
      return accepted.length > 0;
    }, { what: "room for one who behaves" });
  });

  test("peers that still set up TLS when it is closed", async () => {
    const { listener, port, accepted, lines } = await listenTls();
    const silent = await dialPlain(port);
    // Once this handshake is done, the refusal before it was logged.
    const dialled = await dial(port, certificates());
    await waitFor(() => accepted.length === 1, { what: "the carrier" });
    const end = new End(dialled as Carrier);
    await listener.close();
    await waitFor(() => silent.destroyed, { what: "the end" });
    accepted[0]!.write(bytes("still here"));
    await waitFor(() => end.text === "still here", { what: "the text" });
    expect(lines).toEqual([]);
  });

  test("no port scan, except for debugging", async () => {
    const { port, lines } = await listenTls();
    const socket = await dialPlain(port);
    socket.end();
    await waitFor(() => lines.length > 0, { what: "a line of the log" });
    expect(lines).toEqual([expect.stringMatching(/^debug: refused /)]);
  });
});

/** A socket without TLS that sends nothing. */
async function dialPlain(port: number): Promise<Socket> {
  const socket = connectTcp({ host: HOST, port });
  socket.on("error", () => {});
  socket.resume();
  onTestFinished(() => void socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

describe("a tls connect refuses", () => {
  const isDeno = currentRuntime() === "deno";
  test.each(
    [
      [
        "a certificate of another CA",
        "stranger",
        /could not connect to 127.0.0.1:\d+: its certificate is not signed by a CA/,
      ],
      [
        "an expired certificate",
        "expired",
        isDeno ? /or not valid now/ : /its certificate has expired/,
      ],
    ] as const,
  )("%s", async (_, name, says) => {
    const { port, accepted } = await listenTls(certificates(name));
    expect(await dial(port, certificates())).toEqual(untrusted(says));
    expect(accepted).toEqual([]);
  });

  test("a certificate that names another host than the node's", async () => {
    const { port } = await listenTls(certificates("elsewhere"));
    expect(await dial(port, certificates(), "b@127.0.0.1")).toEqual(
      untrusted(/names 127.0.0.1, the host of b@127.0.0.1, .*elsewhere/),
    );
    // The dialled host does not count.
    for (
      const [options, nodeName] of [
        [certificates(), "b@elsewhere.example"],
        [{ ...certificates(), checkHost: false }, "b@127.0.0.1"],
        [certificates(), undefined],
      ] as const
    ) {
      const dialled = await dial(port, options, nodeName);
      expect(dialled).not.toBeInstanceOf(Error);
      (dialled as Carrier).destroy();
    }
  });

  test("a port without TLS", async () => {
    const { listener, accepted } = await listen(createTcpNetwork());
    const failure = dial(listener.port, certificates());
    await waitFor(() => accepted.length === 1, { what: "the carrier" });
    const plain = new End(accepted[0]!);
    await waitFor(() => plain.received > 0, { what: "its hello" });
    plain.carrier.write(bytes("220 mail.example.org ready, and what not\r\n"));
    expect(await failure).toEqual(untrusted(/it does not speak TLS/));
  });

  test("a port that closes instead", async () => {
    const { listener, accepted } = await listen(createTcpNetwork());
    const failure = dial(listener.port, certificates());
    await waitFor(() => accepted.length === 1, { what: "the carrier" });
    const plain = new End(accepted[0]!);
    await waitFor(() => plain.received > 0, { what: "its hello" });
    plain.carrier.destroy();
    expect(String(await failure)).toMatch(/perhaps it does not speak TLS/);
  });

  test("a port that says nothing", async () => {
    const { listener } = await listen(createTcpNetwork());
    const failure = createTlsNetwork(certificates())
      .connect({ host: HOST, port: listener.port, timeoutMs: 100 });
    await expect(failure).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringMatching(/within 100 ms.*does not speak TLS/),
    });
  });
});

describe("the check of tls options", () => {
  const good = certificates();
  const name = "a@127.0.0.1";
  const check = (options: object, nodeName = name) => () =>
    checkTlsOptions({ ...good, ...options }, nodeName);

  test("accepts valid options", () => {
    check({})();
    check(certificates("chain"))();
    check({ ca: [good.ca, certificates("node", "other_ca").ca] })();
    check({ cert: bytes(good.cert as string) })();
    check({ checkHost: false }, "a@example.org")();
  });

  const damaged =
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const otherKey = "expected tls.key to be the private key of tls.cert";
  test.each<[what: string, options: object, says: string]>([
    ["no certificate", { cert: undefined }, "certificate as PEM, the text"],
    ["a path", { cert: pemPath("node") }, 'of a file and not its path, got "'],
    ["a number", { cert: 7 }, "got something else"],
    ["no CA", { ca: undefined }, "expected tls.ca to be a certificate as PEM"],
    ["no CAs", { ca: [] }, "expected a certificate in tls.ca, got an empty"],
    ["a bad CA", { ca: [good.ca, "no"] }, 'not its path, got "no"'],
    ["a damaged CA", { ca: damaged }, "got one that is damaged"],
    ["no key", { key: undefined }, otherKey],
    ["a key that is none", { key: good.cert }, otherKey],
    ["another key", { cert: good.ca }, otherKey],
    [
      "an expired certificate",
      certificates("expired"),
      "expected tls.cert to be valid now, got one that is valid from",
    ],
    [
      "the certificate of another host",
      certificates("elsewhere"),
      "tls.cert: expected a certificate that names 127.0.0.1",
    ],
  ])("refuses %s", (_, options, says) => {
    expect(check(options)).toThrow(
      expect.objectContaining({
        name: "UsageError",
        message: expect.stringContaining(says),
      }),
    );
  });

  test("shows no key", () => {
    expect(check({ key: "-----BEGIN PRIVATE KEY-----\nsecret" })).toThrow(
      expect.objectContaining({
        message: expect.not.stringContaining("secret"),
      }),
    );
  });
});
