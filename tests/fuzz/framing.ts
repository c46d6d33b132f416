/**
 * Random streams of frames and of fragments, whole and changed. What was not
 * changed must come out as it was put in, however it was cut into chunks.
 */
import { DecodeError } from "../../runtime/wire/shared/errors.ts";
import { PeerAtoms } from "../../runtime/wire/etf/atoms.ts";
import {
  DistReader,
  FIRST_FRAGMENT_MARK,
  HEADER_MARK,
  NEXT_FRAGMENT_MARK,
  references,
  VERSION_MARK,
} from "../../runtime/wire/beam/dist_header.ts";
import {
  FRAGMENT_MARK,
  FragmentReader,
} from "../../runtime/wire/framing/fragments.ts";
import {
  frame,
  FrameError,
  FrameParser,
} from "../../runtime/wire/framing/frames.ts";
import {
  bytesOf,
  type Draw,
  joined,
  mutate,
  type Note,
  pick,
  run,
  type Tally,
} from "./inputs.ts";

const FRAME_BYTES_MAX = 5_000;
const PAYLOAD_BYTES_MAX = 3_000;

/** Pushes a stream in chunks, and hands each frame that is whole to `take`. */
function feed(
  parser: FrameParser,
  stream: Uint8Array,
  draw: Draw,
  take: (frame: Uint8Array) => void,
): void {
  for (let at = 0; at < stream.length;) {
    const size = 1 + draw(pick(draw, [2, 9, 60, 2_000]));
    parser.push(stream.slice(at, at + size));
    at += size;
    // Some chunks wait for the next ones.
    if (draw(4) === 0 && at < stream.length) continue;
    for (let next = parser.next(); next !== null; next = parser.next()) {
      take(next);
    }
  }
}

/** Whether an act is refused with one of the errors that are documented. */
function isRefused(
  act: () => void,
  ...errors: readonly (new (...args: never[]) => Error)[]
): boolean {
  try {
    act();
    return false;
  } catch (error) {
    if (errors.some((one) => error instanceof one)) return true;
    throw error;
  }
}

function expectSame(
  got: readonly Uint8Array[],
  expected: readonly Uint8Array[],
): void {
  const texts = [got, expected].map((all) =>
    all.map((one) => one.toHex()).join()
  );
  if (texts[0] !== texts[1]) {
    throw new Error(`expected the payloads ${texts[1]}, got ${texts[0]}`);
  }
}

/** Frames of the handshake and, behind them, frames of the connection. */
function frameInput(draw: Draw, note: Note): boolean {
  const payloads = Array.from(
    { length: 1 + draw(6) },
    () => bytesOf(draw, draw(pick(draw, [1, 8, 40, 400]))),
  );
  const early = draw(payloads.length + 1);
  const whole = joined(
    ...payloads.map((one, i) => frame(one, i < early ? 2 : 4)),
  );
  const isChanged = draw(3) > 0;
  const stream = isChanged ? mutate(whole, draw) : whole;
  note(stream);
  const parser = new FrameParser({
    headerBytes: 2,
    maxFrameBytes: FRAME_BYTES_MAX,
  });
  const taken: Uint8Array[] = [];
  if (early === 0) parser.switchTo(4);
  const refused = isRefused(() =>
    feed(parser, stream, draw, (one) => {
      taken.push(one.slice());
      if (taken.length === early) parser.switchTo(4);
    }), FrameError);
  const bytes = taken.reduce((sum, { length }) => sum + length + 2, 0);
  if (bytes > stream.length) {
    throw new Error(`took ${bytes} bytes of ${stream.length}`);
  }
  if (!isChanged) {
    if (refused) throw new Error("expected whole frames to be accepted");
    expectSame(taken, payloads);
  }
  // The parser stays as it is: refused for good, or ready for more bytes.
  if (refused && !isRefused(() => void parser.next(), FrameError)) {
    throw new Error("expected the parser to stay refused");
  }
  return !refused;
}

/** Pieces of several payloads, in an order that keeps that of each payload. */
function interleaved<T>(draw: Draw, lists: readonly (readonly T[])[]): T[] {
  const left = lists.map((list) => [...list]);
  const all: T[] = [];
  for (;;) {
    const open = left.filter((list) => list.length > 0);
    if (open.length === 0) return all;
    all.push(pick(draw, open).shift()!);
  }
}

function piecesOf(draw: Draw, payload: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < payload.length;) {
    const size = 1 + draw(pick(draw, [3, 60, 600]));
    pieces.push(payload.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

function payloadsOf(draw: Draw): Uint8Array[] {
  return Array.from({ length: 1 + draw(4) }, () => {
    const payload = bytesOf(draw, 2 + draw(pick(draw, [10, 100, 1_000])));
    // A fragment of a fragment is refused.
    if (payload[0] === FRAGMENT_MARK) payload[0] = 0;
    return payload;
  });
}

/** Fragments between Hornbeam nodes, some of which are landed. */
function fragmentInput(draw: Draw, note: Note): boolean {
  const payloads = payloadsOf(draw);
  const frames = interleaved(
    draw,
    payloads.map((payload, i) =>
      piecesOf(draw, payload).map((piece) => {
        const head = new Uint8Array(9);
        head[0] = FRAGMENT_MARK;
        new DataView(head.buffer).setUint32(1, i);
        new DataView(head.buffer).setUint32(5, payload.length);
        return joined(head, piece);
      })
    ),
  );
  const isChanged = draw(3) > 0;
  if (isChanged) {
    const at = draw(frames.length);
    frames[at] = mutate(frames[at]!, draw, pick(draw, frames));
    // Other frames are for the codec.
    frames[at]![0] = FRAGMENT_MARK;
  }
  const stream = joined(...frames.map((one) => frame(one, 4)));
  note(stream);
  const reader = new FragmentReader(PAYLOAD_BYTES_MAX);
  const parser = new FrameParser({
    headerBytes: 4,
    maxFrameBytes: FRAME_BYTES_MAX,
  });
  parser.land = (start, length) => reader.land(start, length);
  const got: Uint8Array[] = [];
  const refused = isRefused(
    () =>
      feed(parser, stream, draw, (one) => {
        const whole = reader.read(one);
        if (whole !== null) got.push(whole);
      }),
    DecodeError,
    FrameError,
  );
  for (const { length } of got) {
    if (length > PAYLOAD_BYTES_MAX) throw new Error(`a payload of ${length}`);
  }
  if (!isChanged) {
    if (refused) throw new Error("expected whole fragments to be accepted");
    expectSame(sorted(got), sorted(payloads));
  }
  return !refused;
}

function sorted(all: readonly Uint8Array[]): Uint8Array[] {
  return all.toSorted((a, b) => a.toHex() < b.toHex() ? -1 : 1);
}

/** Fragments and headers of BEAM nodes, with texts for their atom cache. */
function headerInput(draw: Draw, note: Note): boolean {
  const payloads = payloadsOf(draw);
  const cached = ["a@h", "b@h", "x".repeat(draw(400) === 0 ? 255 : 3)];
  const frames = interleaved(
    draw,
    payloads.map((payload, i) => {
      const atoms = references(cached.slice(0, draw(4)), true);
      if (draw(3) === 0) {
        const head = Uint8Array.of(VERSION_MARK, HEADER_MARK);
        return [joined(head, atoms, payload)];
      }
      const pieces = piecesOf(draw, payload);
      return pieces.map((piece, at) => {
        const head = new Uint8Array(18);
        head[0] = VERSION_MARK;
        head[1] = at === 0 ? FIRST_FRAGMENT_MARK : NEXT_FRAGMENT_MARK;
        const view = new DataView(head.buffer);
        view.setBigUint64(2, BigInt(i));
        view.setBigUint64(10, BigInt(pieces.length - at));
        return joined(head, at === 0 ? atoms : new Uint8Array(0), piece);
      });
    }),
  );
  const isChanged = draw(3) > 0;
  if (isChanged) {
    const at = draw(frames.length);
    frames[at] = mutate(frames[at]!, draw, pick(draw, frames));
  }
  note(joined(...frames.map((one) => frame(one, 4))));
  const reader = new DistReader({
    form: "header",
    atoms: new PeerAtoms(),
    messageBytesMax: PAYLOAD_BYTES_MAX,
  });
  const got: Uint8Array[] = [];
  const refused = isRefused(() => {
    for (const one of frames) {
      const message = reader.read(one);
      if (message !== null) got.push(message.bytes.subarray(message.start));
    }
  }, DecodeError);
  if (!isChanged) {
    if (refused) throw new Error("expected whole fragments to be accepted");
    expectSame(sorted(got), sorted(payloads));
  }
  return !refused;
}

export function fuzzFrameStreams(first: number, count: number): Tally {
  return run(first, count, frameInput);
}

export function fuzzFragments(first: number, count: number): Tally {
  return run(
    first,
    count,
    (draw, note) =>
      draw(2) === 0 ? fragmentInput(draw, note) : headerInput(draw, note),
  );
}
