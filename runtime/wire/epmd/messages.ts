/**
 * The requests and answers of epmd, the Erlang port mapper daemon, as bytes. epmd
 * knows on which port each node of a host listens.
 *
 * Follows the Erlang/OTP documentation, "Distribution Protocol", section on
 * EPMD. A request is a u16 length and a body, which `framing/frames.ts` splits.
 * An answer has no length: it ends at a known size or with the connection. So
 * each decoder of an answer takes all bytes that have arrived, and says when it
 * needs more.
 */

import { unexpectedBytes, viewOf } from "../shared/bytes.ts";

/** What a node registers at epmd. */
export type EpmdEntry = {
  /** The part of the node name before the `@`. */
  readonly name: string;
  /** Where the node listens. */
  readonly port: number;
  readonly hidden: boolean;
  /** Highest and lowest version of the distribution protocol. */
  readonly highestVersion: number;
  readonly lowestVersion: number;
  /** Bytes that are stored and returned, but have no meaning here. */
  readonly extra: Uint8Array;
};

/** A request, decoded. */
export type EpmdRequest =
  | { readonly type: "alive"; readonly entry: EpmdEntry }
  | { readonly type: "port"; readonly name: string }
  | { readonly type: "names" }
  | { readonly type: "dump" }
  | { readonly type: "kill" }
  | { readonly type: "stop"; readonly name: string }
  | { readonly type: "malformed"; readonly detail: string };

/** An answer to a registration. */
export type AliveAnswer = {
  /** 0 when the node is registered. */
  readonly result: number;
  /** The node's incarnation; without meaning unless `result` is 0. */
  readonly creation: number;
};

/** What a decoder makes of the bytes of an answer that have arrived. */
export type EpmdAnswer<T> =
  | { readonly type: "more" }
  | { readonly type: "answer"; readonly value: T }
  | { readonly type: "malformed"; readonly detail: string };

/** A line of the answer to `names`. */
export type EpmdName = { readonly name: string; readonly port: number };

/** Longest name of a node in epmd, in bytes. */
export const EPMD_NAME_BYTES_MAX = 255;

/** Longest request that is read: enough for two names. */
export const EPMD_REQUEST_BYTES_MAX = 1_024;

/** Longest list of names that a client reads, in bytes. */
export const EPMD_NAMES_BYTES_MAX = 1_048_576;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function malformed(
  expected: string,
  bytes: Uint8Array,
): { readonly type: "malformed"; readonly detail: string } {
  return { type: "malformed", detail: unexpectedBytes(expected, bytes) };
}

/** The name; null when the bytes are not a valid name. */
function decodeName(bytes: Uint8Array): string | null {
  if (bytes.length === 0 || bytes.length > EPMD_NAME_BYTES_MAX) return null;
  // A control character could forge a line in the answer to `names`.
  if (bytes.some((byte) => byte < 0x20 || byte === 0x7f)) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** The bytes of an entry, which are the same in requests and answers. */
function encodeEntry(entry: EpmdEntry, head: readonly number[]): Uint8Array {
  const name = encoder.encode(entry.name);
  const at = head.length;
  const size = at + 12 + name.length + entry.extra.length;
  const bytes = new Uint8Array(size);
  bytes.set(head);
  const view = viewOf(bytes);
  view.setUint16(at, entry.port);
  view.setUint8(at + 2, entry.hidden ? 0x48 : 0x4d);
  view.setUint8(at + 3, 0);
  view.setUint16(at + 4, entry.highestVersion);
  view.setUint16(at + 6, entry.lowestVersion);
  view.setUint16(at + 8, name.length);
  bytes.set(name, at + 10);
  view.setUint16(at + 10 + name.length, entry.extra.length);
  bytes.set(entry.extra, at + 12 + name.length);
  return bytes;
}

/**
 * The entry at `at`; "more" when it is not complete, "malformed" when it is
 * invalid.
 */
function decodeEntry(
  bytes: Uint8Array,
  at: number,
): EpmdEntry | "more" | "malformed" {
  const view = viewOf(bytes);
  if (bytes.length < at + 12) return "more";
  const nameEnd = at + 10 + view.getUint16(at + 8);
  if (nameEnd - at - 10 > EPMD_NAME_BYTES_MAX) return "malformed";
  if (bytes.length < nameEnd + 2) return "more";
  const end = nameEnd + 2 + view.getUint16(nameEnd);
  if (bytes.length < end) return "more";
  const name = decodeName(bytes.subarray(at + 10, nameEnd));
  const kind = view.getUint8(at + 2);
  if (name === null || (kind !== 0x48 && kind !== 0x4d)) return "malformed";
  return {
    name,
    port: view.getUint16(at),
    hidden: kind === 0x48,
    highestVersion: view.getUint16(at + 4),
    lowestVersion: view.getUint16(at + 6),
    extra: bytes.slice(nameEnd + 2, end),
  };
}

/** ALIVE2: registers a node for as long as the connection is open. */
export function encodeAlive(entry: EpmdEntry): Uint8Array {
  const bytes = encodeEntry(entry, [0, 0, 0x78]);
  viewOf(bytes).setUint16(0, bytes.length - 2);
  return bytes;
}

/** PORT_PLEASE2: asks for the port of one node. */
export function encodePortPlease(name: string): Uint8Array {
  const text = encoder.encode(name);
  const bytes = new Uint8Array(3 + text.length);
  viewOf(bytes).setUint16(0, 1 + text.length);
  bytes[2] = 0x7a;
  bytes.set(text, 3);
  return bytes;
}

/** NAMES: asks for the names and ports of all nodes. */
export function encodeNames(): Uint8Array {
  return Uint8Array.of(0, 1, 0x6e);
}

/** Decodes a request without its length. Never throws. */
export function decodeEpmdRequest(bytes: Uint8Array): EpmdRequest {
  switch (bytes[0]) {
    case 0x78: {
      const entry = decodeEntry(bytes, 1);
      return typeof entry === "string"
        ? malformed("a whole registration", bytes)
        : { type: "alive", entry };
    }
    case 0x7a:
    case 0x73: {
      const name = decodeName(bytes.subarray(1));
      if (name === null) return malformed("a request with a name", bytes);
      return { type: bytes[0] === 0x7a ? "port" : "stop", name };
    }
    case 0x6e:
      return { type: "names" };
    case 0x64:
      return { type: "dump" };
    case 0x6b:
      return { type: "kill" };
    default:
      return malformed("a request to epmd", bytes);
  }
}

/**
 * The answer to a registration, in the form of the protocol version. The old form
 * has room only for creations 1 to 3 (and for 99, which a refusal has).
 */
export function encodeAliveAnswer(
  answer: AliveAnswer,
  highestVersion: number,
): Uint8Array {
  const isNew = highestVersion >= 6;
  const bytes = new Uint8Array(isNew ? 6 : 4);
  const view = viewOf(bytes);
  view.setUint8(0, isNew ? 0x76 : 0x79);
  view.setUint8(1, answer.result);
  if (isNew) view.setUint32(2, answer.creation);
  else {
    view.setUint16(
      2,
      answer.result === 0 ? answer.creation % 3 + 1 : answer.creation,
    );
  }
  return bytes;
}

/** Decodes the answer to a registration. */
export function decodeAliveAnswer(bytes: Uint8Array): EpmdAnswer<AliveAnswer> {
  if (bytes.length === 0) return { type: "more" };
  const isNew = bytes[0] === 0x76;
  if (!isNew && bytes[0] !== 0x79) {
    return malformed("epmd's answer to a registration", bytes);
  }
  if (bytes.length < (isNew ? 6 : 4)) return { type: "more" };
  const view = viewOf(bytes);
  const creation = isNew ? view.getUint32(2) : view.getUint16(2);
  return {
    type: "answer",
    value: { result: view.getUint8(1), creation },
  };
}

/** The answer to PORT_PLEASE2; null when the name is not registered. */
export function encodePortAnswer(entry: EpmdEntry | null): Uint8Array {
  return entry === null
    ? Uint8Array.of(0x77, 1)
    : encodeEntry(entry, [0x77, 0]);
}

/** Decodes the answer to PORT_PLEASE2. */
export function decodePortAnswer(
  bytes: Uint8Array,
): EpmdAnswer<EpmdEntry | null> {
  if (bytes.length > 0 && bytes[0] !== 0x77) {
    return malformed("epmd's answer to a look-up", bytes);
  }
  if (bytes.length < 2) return { type: "more" };
  if (bytes[1] !== 0) return { type: "answer", value: null };
  const entry = decodeEntry(bytes, 2);
  if (entry === "more") return { type: "more" };
  if (entry === "malformed") {
    return malformed("epmd's answer to a look-up", bytes);
  }
  return { type: "answer", value: entry };
}

/** The answer to NAMES. */
export function encodeNamesAnswer(
  epmdPort: number,
  names: readonly EpmdName[],
): Uint8Array {
  const text = encoder.encode(
    names.map(({ name, port }) => `name ${name} at port ${port}\n`).join(""),
  );
  const bytes = new Uint8Array(4 + text.length);
  viewOf(bytes).setUint32(0, epmdPort);
  bytes.set(text, 4);
  return bytes;
}

/** Decodes the whole answer to NAMES: it ends with the connection. */
export function decodeNamesAnswer(
  bytes: Uint8Array,
): EpmdAnswer<readonly EpmdName[]> {
  const bad = malformed("epmd's list of names", bytes);
  if (bytes.length < 4) return bad;
  let text: string;
  try {
    text = decoder.decode(bytes.subarray(4));
  } catch {
    return bad;
  }
  const names: EpmdName[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const match = /^name (.+) at port (\d+)$/.exec(line);
    if (match === null) return bad;
    names.push({ name: match[1]!, port: Number(match[2]) });
  }
  return { type: "answer", value: names };
}
