/**
 * epmd with random requests and answers: the embedded server with clients that
 * send anything, and the client with a server that answers anything. In every case
 * the server goes on to serve a good client.
 */
import { isDeepStrictEqual } from "node:util";
import type { Host } from "../../runtime/core/host/ports.ts";
import {
  type Carrier,
  CarrierError,
  type CarrierHandlers,
  type Network,
} from "../../runtime/net/carrier/carrier.ts";
import {
  DuplicateNameError,
  EpmdError,
  lookup,
  names,
  register,
} from "../../runtime/net/epmd/client.ts";
import {
  type EpmdServer,
  startEpmdServer,
} from "../../runtime/net/epmd/server.ts";
import {
  decodeAliveAnswer,
  decodeEpmdRequest,
  decodeNamesAnswer,
  decodePortAnswer,
  encodeAlive,
  encodeAliveAnswer,
  encodeNames,
  encodeNamesAnswer,
  encodePortAnswer,
  encodePortPlease,
  type EpmdEntry,
  type EpmdRequest,
} from "../../runtime/wire/epmd/messages.ts";
import { frame } from "../../runtime/wire/framing/frames.ts";
import { FakeHost } from "../helpers/fake_host.ts";
import {
  bytesOf,
  type Draw,
  joined,
  mutate,
  type Note,
  pick,
  runAsync,
  type Tally,
  u32Of,
} from "./inputs.ts";

const nodeNames = [
  "a",
  "b",
  "é",
  "x".repeat(255),
  "with space",
  "name b at port 1",
];
const MOST_CONNECTIONS = 40;

function entryOf(draw: Draw): EpmdEntry {
  return {
    name: pick(draw, nodeNames),
    port: draw(0x10000),
    hidden: draw(2) === 0,
    highestVersion: pick(draw, [0, 5, 6, 0xffff]),
    lowestVersion: draw(7),
    extra: bytesOf(draw, draw(9)),
  };
}

/** A request with its length, and how it is read. */
function requestOf(draw: Draw): [Uint8Array, EpmdRequest] {
  const entry = entryOf(draw);
  const { name } = entry;
  const named = (tag: number): Uint8Array =>
    frame(joined(Uint8Array.of(tag), new TextEncoder().encode(name)), 2);
  switch (draw(8)) {
    case 0:
      return [encodePortPlease(name), { type: "port", name }];
    case 1:
      return [encodeNames(), { type: "names" }];
    case 2:
      return [frame(Uint8Array.of(0x64), 2), { type: "dump" }];
    case 3:
      return [frame(Uint8Array.of(0x6b), 2), { type: "kill" }];
    case 4:
      return [named(0x73), { type: "stop", name }];
    default:
      return [encodeAlive(entry), { type: "alive", entry }];
  }
}

/** One end of a connection whose other end is the test. */
class FakeCarrier implements Carrier {
  readonly remote = "127.0.0.1:1";
  readonly bufferedBytes = 0;
  written: Uint8Array = new Uint8Array(0);
  isClosed = false;
  /** Called at the first write. */
  onWrite: () => void = () => {};
  #handlers: CarrierHandlers | null = null;

  open(handlers: CarrierHandlers): void {
    this.#handlers = handlers;
  }

  write(chunk: Uint8Array): boolean {
    this.written = joined(this.written, chunk);
    this.onWrite();
    return true;
  }

  close(): void {
    this.destroy();
  }

  /** As a socket does: `closed` follows once, later than the call. */
  destroy(): void {
    this.end();
  }

  /** The peer sends bytes. Nothing arrives after the end. */
  give(chunk: Uint8Array): void {
    if (!this.isClosed) this.#handlers?.data(chunk);
  }

  end(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#handlers?.closed("closed");
  }
}

/** The embedded server, and a way to connect to it. */
class Served {
  readonly host = new FakeHost();
  readonly carriers: FakeCarrier[] = [];
  #accept: (carrier: Carrier) => void = () => {};
  server!: EpmdServer;

  static async start(): Promise<Served> {
    const served = new Served();
    const network: Network = {
      connect: () => Promise.reject(new CarrierError("other", "not here")),
      listen: (at, accept) => {
        served.#accept = accept;
        return Promise.resolve({
          port: at.port,
          close: () => Promise.resolve(),
        });
      },
    };
    const server = await startEpmdServer({
      network,
      port: 4_369,
      platform: served.host,
      nodeName: "fuzz@test",
      maxConnections: MOST_CONNECTIONS,
    });
    if (server === "already-running") throw new Error("expected a server");
    served.server = server;
    return served;
  }

  connect(): FakeCarrier {
    const carrier = new FakeCarrier();
    this.#accept(carrier);
    this.carriers.push(carrier);
    return carrier;
  }

  ask(request: Uint8Array): FakeCarrier {
    const carrier = this.connect();
    carrier.give(request);
    return carrier;
  }
}

/** A good client registers, is found and listed, and leaves. */
function expectService(served: Served): void {
  // The others have had their time, or are registered.
  served.host.advance(20_000);
  const open = served.carriers.filter(({ isClosed }) => !isClosed);
  if (open.length !== served.server.names().length) {
    throw new Error(
      `expected ${served.server.names().length} open connections after the ` +
        `limit, got ${open.length}`,
    );
  }
  if (open.length > MOST_CONNECTIONS - 2) open[0]!.end();
  if (open.length > MOST_CONNECTIONS - 2) open[1]!.end();
  const entry: EpmdEntry = {
    ...{ name: "good", port: 4_711, hidden: false },
    ...{ highestVersion: 6, lowestVersion: 5, extra: new Uint8Array(0) },
  };
  const mine = served.ask(encodeAlive(entry));
  const answer = decodeAliveAnswer(mine.written);
  if (answer.type !== "answer" || answer.value.result !== 0) {
    throw new Error(`expected a registration, got ${answer.type}`);
  }
  const found = decodePortAnswer(served.ask(encodePortPlease("good")).written);
  if (found.type !== "answer" || !isDeepStrictEqual(found.value, entry)) {
    throw new Error("expected the entry that was registered");
  }
  const listed = decodeNamesAnswer(served.ask(encodeNames()).written);
  if (
    listed.type !== "answer" ||
    !listed.value.some(({ name }) => name === "good")
  ) throw new Error("expected the name in the list");
  mine.end();
  const gone = decodePortAnswer(served.ask(encodePortPlease("good")).written);
  if (gone.type !== "answer" || gone.value !== null) {
    throw new Error("expected the name to be free");
  }
}

async function serverInput(draw: Draw, note: Note): Promise<boolean> {
  const served = await Served.start();
  let isAnswered = false;
  const history: string[] = [];
  for (let count = 1 + draw(6); count > 0; count--) {
    const [valid, meaning] = requestOf(draw);
    const read = decodeEpmdRequest(valid.subarray(2));
    if (!isDeepStrictEqual(read, meaning)) {
      note(valid);
      throw new Error(`expected the ${meaning.type} that was written`);
    }
    const request = draw(3) === 0
      ? valid
      : mutate(valid, draw, requestOf(draw)[0]);
    history.push(request.toHex());
    note(history.join(" "));
    const carrier = served.connect();
    for (let at = 0; at < request.length;) {
      const size = 1 + draw(pick(draw, [3, 2_000]));
      carrier.give(request.slice(at, at + size));
      at += size;
    }
    if (draw(6) === 0) carrier.give(bytesOf(draw, draw(30)));
    if (draw(6) === 0) carrier.end();
    if (draw(8) === 0) served.host.advance(draw(20_000));
    if (carrier.written.length > 0) isAnswered = true;
  }
  expectService(served);
  await served.server.close();
  if (served.server.names().length > 0 || served.host.timers.size > 0) {
    throw new Error("expected no entries and no timers after the end");
  }
  return isAnswered;
}

/** The bytes of an answer, mostly one of the right kind. */
function answerOf(draw: Draw): Uint8Array {
  const kinds = [
    () =>
      encodeAliveAnswer({ result: draw(3), creation: u32Of(draw) }, draw(7)),
    () => encodePortAnswer(draw(4) === 0 ? null : entryOf(draw)),
    () =>
      encodeNamesAnswer(
        4_369,
        Array.from({ length: draw(4) }, () => entryOf(draw)),
      ),
  ];
  const valid = pick(draw, kinds)();
  return draw(3) === 0 ? valid : mutate(valid, draw, pick(draw, kinds)());
}

async function clientInput(draw: Draw, note: Note): Promise<boolean> {
  const host = new FakeHost();
  const isAnswered = await ask(host, draw, note);
  if (host.timers.size > 0) throw new Error("expected no timers at the end");
  return isAnswered;
}

/** Asks one of the client's three questions. */
async function ask(host: FakeHost, draw: Draw, note: Note): Promise<boolean> {
  const answer = answerOf(draw);
  note(answer);
  const carrier = new FakeCarrier();
  const network: Network = {
    connect: () => Promise.resolve(carrier),
    listen: () => Promise.reject(new CarrierError("other", "not here")),
  };
  const timers: Pick<Host, "setTimer" | "clearTimer"> = host;
  const address = { network, timers, host: "127.0.0.1", epmdPort: 4_369 };
  carrier.onWrite = () => {
    carrier.onWrite = () => {};
    for (let at = 0; at < answer.length;) {
      const size = 1 + draw(pick(draw, [3, 2_000]));
      carrier.give(answer.slice(at, at + size));
      at += size;
    }
    if (draw(2) === 0) carrier.end();
    else host.advance(6_000);
  };
  const asked = draw(3);
  try {
    if (asked === 0) {
      const found = await lookup(address, "a");
      if (found !== null) expectEntry(found);
    } else if (asked === 1) {
      for (const { name, port } of await names(address)) {
        if (name === "" || !Number.isInteger(port)) throw new Error("no name");
      }
    } else {
      const registration = await register({
        ...address,
        ...{ name: "a", listenPort: 1, hidden: false },
      });
      if (!Number.isInteger(registration.creation)) {
        throw new Error("no creation");
      }
      await registration.close();
    }
  } catch (error) {
    const isDocumented = error instanceof EpmdError ||
      error instanceof CarrierError || error instanceof DuplicateNameError;
    if (!isDocumented) throw error;
    return false;
  }
  return true;
}

function expectEntry({ name, port }: EpmdEntry): void {
  if (name === "" || !Number.isInteger(port)) throw new Error("no entry");
}

export function fuzzEpmdServer(first: number, count: number): Promise<Tally> {
  return runAsync(first, count, serverInput);
}

export function fuzzEpmdClient(first: number, count: number): Promise<Tally> {
  return runAsync(first, count, clientInput);
}
