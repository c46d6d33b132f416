/**
 * The peers of rows: raw programs move the same messages as the rows over every
 * carrier, and results, tables and the list name the peers.
 * `plot.test.ts` draws them, `bench.test.ts` runs the program.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, Socket } from "node:net";
import { MessageChannel } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { obey, type RawLink, rawParts } from "../../bench/pair/raw_shapes.ts";
import type { ShapeName } from "../../bench/pair/shapes.ts";
import { Framed } from "../../bench/process/framed.ts";
import { summarize } from "../../bench/runner/results.ts";
import { plainTable } from "../../bench/runner/text.ts";
import { programOf, rows, suiteOf } from "../../bench/suites.ts";
import { PortLink } from "../../bench/worker/port_link.ts";

/** Ends what a test has opened. */
const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

async function sockets(): Promise<readonly [Framed, Framed]> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const { port } = server.address() as AddressInfo;
  const near = new Framed(connect(port, "127.0.0.1"));
  const far = new Framed((await accepted)[0] as Socket);
  endings.push(() => {
    near.close();
    far.close();
    server.close();
  });
  return [near, far];
}

function ports(isBatched: boolean): readonly [PortLink, PortLink] {
  const { port1, port2 } = new MessageChannel();
  endings.push(() => port1.close());
  return [new PortLink(port1, isBatched), new PortLink(port2, isBatched)];
}

type Open = () => Promise<readonly [RawLink, RawLink]>;
const links: readonly (readonly [string, Open])[] = [
  ["sockets", sockets],
  ["ports", async () => await Promise.resolve(ports(false))],
  ["ports, batched", async () => await Promise.resolve(ports(true))],
];

describe.each(links)("raw over %s", (_name, open) => {
  it.each<[ShapeName, number]>([
    ["one-way", 16],
    ["one-way", 70_000],
    ["round-trip", 100],
    ["many-to-many", 16],
  ])("%s of %d bytes moves what it says, again and again", async (
    shape,
    bytes,
  ) => {
    const [near, far] = await open();
    obey(far);
    let seen = 0;
    const part = rawParts[shape](counted(near, () => seen++), bytes);
    for (const count of [1, 3]) {
      seen = 0;
      await part.run(count);
      const expected = {
        // The word that all have come.
        "one-way": 1,
        "round-trip": count,
        "many-to-many": count * (part.unitsPerCount ?? 0) / 2 + 1,
      };
      expect(seen).toBe(expected[shape]);
    }
  });

  it("keeps order and bytes", async () => {
    const [near, far] = await open();
    const got: Uint8Array[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const sent = [1, 16, 65_531, 65_532, 65_533, 200_000, 3]
      .map((length, i) => new Uint8Array(length).fill(i));
    far.onMessage = (payload) => {
      got.push(Uint8Array.from(payload));
      if (got.length === sent.length) resolve();
    };
    for (const payload of sent) {
      if (!near.send(payload)) await near.ready();
    }
    await promise;
    expect(got.map((payload) => [payload.length, payload.at(-1)]))
      .toEqual(sent.map((payload) => [payload.length, payload.at(-1)]));
  });
});

/** A link that tells of each message that its near end is given. */
function counted(link: RawLink, tell: () => void): RawLink {
  return {
    set onMessage(onMessage: RawLink["onMessage"]) {
      link.onMessage = (payload) => {
        tell();
        onMessage(payload);
      };
    },
    get onMessage() {
      return link.onMessage;
    },
    send: (payload) => link.send(payload),
    ready: () => link.ready(),
  };
}

describe("frames", () => {
  it("are put together from pieces of any size", () => {
    const bytes = [0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3];
    for (let size = 1; size <= bytes.length; size++) {
      const socket = new Socket();
      const framed = new Framed(socket);
      const got: number[][] = [];
      framed.onMessage = (payload) => got.push([...payload]);
      for (let at = 0; at < bytes.length; at += size) {
        socket.emit("data", Buffer.from(bytes.slice(at, at + size)));
      }
      expect(got, `pieces of ${size}`).toEqual([[7, 8], [], [1, 2, 3]]);
      framed.close();
    }
  });

  it("of a large message arrive when it is sent in pieces", async () => {
    const [near, far] = await sockets();
    const got: number[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    far.onMessage = (payload) => {
      got.push(payload.length);
      if (got.length === 3) resolve();
    };
    near.send(new Uint8Array(5));
    await near.sendInPieces(new Uint8Array(300_001));
    near.send(new Uint8Array(6));
    await promise;
    expect(got).toEqual([5, 300_001, 6]);
  });
});

describe("the peers of a row", () => {
  const peersOf = (id: string) => {
    const row = rows.find((known) => known.id === id)!;
    const raw = Object.keys(row.raw ?? {});
    return row.peer === undefined ? raw : ["beam", ...raw];
  };

  it.each([
    ["local/skynet", ["beam"]],
    ["savina/big", ["beam"]],
    ["process/one-way-16B", ["beam", "raw"]],
    ["process/blob-p99", ["beam", "raw"]],
    ["process/monitors-100k", ["beam"]],
    ["process/broadcast-mesh", ["beam"]],
    ["worker/one-way-16B", ["raw", "raw-batched"]],
    ["worker/round-trip-16B", ["raw"]],
    ["beam/to-one-way-64KiB", ["beam"]],
  ])("%s are %j", (id, peers) => {
    expect(peersOf(id)).toEqual(peers);
  });

  it("are programs by both names", () => {
    const id = "process/round-trip-16B";
    expect(programOf(id)).not.toBe(programOf(`${id}:raw`));
    expect(programOf(`${id}:raw`).partner).toBeTypeOf("function");
    for (const name of ["process/nope", `${id}:nope`, "savina/big:raw"]) {
      expect(() => programOf(name)).toThrow("expected the id of a benchmark");
    }
  });

  it("are the same four sizes in each suite with messages", () => {
    for (const suite of ["process", "worker", "beam"]) {
      const ids = rows.filter((row) => suiteOf(row) === suite)
        .map((row) => row.id);
      for (const shape of ["one-way", "round-trip", "many-to-many"]) {
        for (const size of ["16B", "100B", "1KiB", "64KiB"]) {
          expect(ids.filter((id) => id.endsWith(`${shape}-${size}`)))
            .toHaveLength(suite === "beam" && shape === "one-way" ? 2 : 1);
        }
      }
    }
  });
});

describe("a result", () => {
  const row = rows.find(({ id }) => id === "process/round-trip-16B")!;
  const samples = (rate: number) => [{
    rate,
    timerGapMs: 6,
    extra: {
      latencyUsP50: 10,
      latencyUsP90: 20,
      latencyUsP99: 30,
      latencyUsP999: 40,
      blobMbs: 812,
    },
  }];

  it("says which peer it is compared with", () => {
    const result = summarize(row, "bun", samples(3), samples(2), "raw-batched");
    expect(result).toMatchObject({ peer: "raw-batched", ratio: 1.5 });
  });

  it("is a line for each peer, with percentiles in few words", () => {
    const ours = samples(3_000);
    const [titles, first, second] = plainTable([
      summarize(row, "bun", ours, samples(1_500), "raw"),
      summarize(row, "bun", ours, samples(1_000)),
    ]).split("\n");
    expect(titles).toMatch(/ vs +its rate +spread +ratio +also$/);
    expect(first).toMatch(/ raw +1\.50k +1\.50k-1\.50k +2\.00 /);
    expect(second).toMatch(/ BEAM +1\.00k +1\.00k-1\.00k +3\.00 /);
    const words = "latency p50 10.0, p90 20.0, p99 30.0, p99.9 40.0 µs, " +
      "blob 812 MB/s";
    expect(
      first?.endsWith(`  ${words}, raw ${words.replace(" blob", " raw blob")}`),
    )
      .toBe(true);
  });
});
