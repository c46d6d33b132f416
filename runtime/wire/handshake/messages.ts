/**
 * The messages of the distribution handshake, version 6, as bytes, and the
 * digest of the cookie.
 *
 * Follows the Erlang/OTP documentation, "Distribution Protocol", sections on
 * the handshake. It has no state and no sockets: `machine.ts` knows the order of
 * messages, `framing/frames.ts` the 2-byte length in front of each. The old name
 * message (`n`, OTP 22 and older) is only recognised.
 *
 * Hornbeam adds an announcement behind the name in `send_name` and `challenge`,
 * which Erlang ignores by its own rule: `HBM`, a version byte, a u16 length of the
 * rest, and u32 capability bits. Later versions may add bytes behind those.
 */

import { unexpectedBytes, viewOf } from "../shared/bytes.ts";
import type { Flags } from "./flags.ts";

/** What a Hornbeam node announces behind its name. */
export type Announcement = {
  /** Version of the announcement; grows when its layout does. */
  readonly version: number;
  /** 32 bits; their meaning is in `net/distribution/capabilities.ts`. */
  readonly capabilities: number;
};

/** What each node tells the other one about itself. */
export type HandshakePeer = {
  readonly name: string;
  readonly flags: Flags;
  readonly creation: number;
  /** Null for a node that is not Hornbeam. */
  readonly announcement: Announcement | null;
};

/** Answers to `send_name`; see the protocol's table of status messages. */
export type Status =
  | "ok"
  | "ok_simultaneous"
  | "nok"
  | "not_allowed"
  | "alive"
  | "true"
  | "false";

/** A handshake message, decoded. */
export type HandshakeMessage =
  | { readonly type: "name"; readonly peer: HandshakePeer }
  | { readonly type: "oldName"; readonly name: string }
  | { readonly type: "status"; readonly status: Status }
  | {
    readonly type: "named";
    readonly name: string;
    readonly creation: number;
  }
  | {
    readonly type: "challenge";
    readonly peer: HandshakePeer;
    readonly challenge: number;
  }
  | {
    readonly type: "reply";
    readonly challenge: number;
    readonly digest: Uint8Array;
  }
  | { readonly type: "ack"; readonly digest: Uint8Array }
  | { readonly type: "malformed"; readonly detail: string };

/** Sender of a message: `N` is a name from one and a challenge from the other. */
export type HandshakeSender = "initiator" | "acceptor";

const DIGEST_BYTES = 16;
const ANNOUNCEMENT_VERSION = 1;
const magic = [0x48, 0x42, 0x4d] as const;
const MAGIC_HEAD_BYTES = 6;

/** Bytes of a string, one per character. */
function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The string of those bytes, one character each. */
function latin1Text(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function encodeAnnouncement(announcement: Announcement | null): Uint8Array {
  if (announcement === null) return new Uint8Array(0);
  const bytes = new Uint8Array(MAGIC_HEAD_BYTES + 4);
  bytes.set(magic);
  const view = new DataView(bytes.buffer);
  view.setUint8(3, announcement.version);
  view.setUint16(4, 4);
  view.setUint32(6, announcement.capabilities);
  return bytes;
}

/** Null for bytes that are no whole announcement, as any peer may send. */
function decodeAnnouncement(bytes: Uint8Array): Announcement | null {
  if (bytes.length < MAGIC_HEAD_BYTES + 4) return null;
  if (magic.some((byte, i) => bytes[i] !== byte)) return null;
  const view = viewOf(bytes);
  const version = view.getUint8(3);
  const length = view.getUint16(4);
  if (version === 0 || length < 4 || MAGIC_HEAD_BYTES + length > bytes.length) {
    return null;
  }
  return { version, capabilities: view.getUint32(6) };
}

/** An announcement in this module's version. */
export function announce(capabilities: number): Announcement {
  return { version: ANNOUNCEMENT_VERSION, capabilities };
}

/** `send_name` in its new form. */
export function encodeName(own: HandshakePeer): Uint8Array {
  return encodeNamed(own, null);
}

/** The acceptor's `challenge`. */
export function encodeChallenge(
  own: HandshakePeer,
  challenge: number,
): Uint8Array {
  return encodeNamed(own, challenge);
}

function encodeNamed(own: HandshakePeer, challenge: number | null): Uint8Array {
  const name = latin1Bytes(own.name);
  const extra = encodeAnnouncement(own.announcement);
  const head = challenge === null ? 15 : 19;
  const bytes = new Uint8Array(head + name.length + extra.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x4e);
  view.setBigUint64(1, own.flags);
  let at = 9;
  if (challenge !== null) {
    view.setUint32(at, challenge);
    at += 4;
  }
  view.setUint32(at, own.creation);
  view.setUint16(at + 4, name.length);
  bytes.set(name, head);
  bytes.set(extra, head + name.length);
  return bytes;
}

/** A `status` message. */
export function encodeStatus(status: Status): Uint8Array {
  return latin1Bytes(`s${status}`);
}

/** The initiator's `challenge_reply`. */
export function encodeReply(
  challenge: number,
  digest: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(5 + DIGEST_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x72);
  view.setUint32(1, challenge);
  bytes.set(digest, 5);
  return bytes;
}

/** The acceptor's `challenge_ack`. */
export function encodeAck(digest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + DIGEST_BYTES);
  bytes[0] = 0x61;
  bytes.set(digest, 1);
  return bytes;
}

/** Decodes one message. Never throws: an invalid message is `malformed`. */
export function decodeHandshake(
  bytes: Uint8Array,
  sender: HandshakeSender,
): HandshakeMessage {
  switch (bytes[0]) {
    case 0x4e:
      return decodeNamed(bytes, sender === "acceptor");
    case 0x6e:
      return { type: "oldName", name: latin1Text(bytes.subarray(7, 7 + 255)) };
    case 0x73:
      return decodeStatus(bytes);
    case 0x72:
      if (bytes.length !== 5 + DIGEST_BYTES) {
        return malformed("a challenge reply of 21 bytes", bytes);
      }
      return {
        type: "reply",
        challenge: viewOf(bytes).getUint32(1),
        digest: bytes.slice(5),
      };
    case 0x61:
      if (bytes.length !== 1 + DIGEST_BYTES) {
        return malformed("a challenge acknowledgement of 17 bytes", bytes);
      }
      return { type: "ack", digest: bytes.slice(1) };
    default:
      return malformed("a handshake message", bytes);
  }
}

function malformed(expected: string, bytes: Uint8Array): HandshakeMessage {
  return { type: "malformed", detail: unexpectedBytes(expected, bytes) };
}

function decodeNamed(
  bytes: Uint8Array,
  isChallenge: boolean,
): HandshakeMessage {
  const what = isChallenge ? "a challenge" : "a name message";
  const head = isChallenge ? 19 : 15;
  if (bytes.length < head) return malformed(what, bytes);
  const view = viewOf(bytes);
  const end = head + view.getUint16(head - 2);
  const name = bytes.subarray(head, end);
  if (end > bytes.length || name.some((byte) => byte < 0x21 || byte > 0x7e)) {
    return malformed(`${what} with a whole ASCII name`, bytes);
  }
  const peer: HandshakePeer = {
    name: latin1Text(name),
    flags: view.getBigUint64(1),
    creation: view.getUint32(head - 6),
    announcement: decodeAnnouncement(bytes.subarray(end)),
  };
  if (!isChallenge) return { type: "name", peer };
  return { type: "challenge", peer, challenge: view.getUint32(9) };
}

function decodeStatus(bytes: Uint8Array): HandshakeMessage {
  const text = latin1Text(bytes.subarray(1, 7));
  if (text === "named:") {
    const head = 9;
    const view = viewOf(bytes);
    const length = bytes.length < head ? 0 : view.getUint16(7);
    if (bytes.length < head + length + 4 || length === 0) {
      return malformed("a whole name in the status", bytes);
    }
    return {
      type: "named",
      name: latin1Text(bytes.subarray(head, head + length)),
      creation: view.getUint32(head + length),
    };
  }
  const status = latin1Text(bytes.subarray(1, 32));
  switch (status) {
    case "ok":
    case "ok_simultaneous":
    case "nok":
    case "not_allowed":
    case "alive":
    case "true":
    case "false":
      return { type: "status", status };
    default:
      return malformed("a known status", bytes);
  }
}

/**
 * Digest of a challenge under a cookie: MD5 over the cookie and the decimal
 * text of the unsigned challenge. A BEAM node takes the cookie as Latin-1,
 * so characters up to U+00FF are one byte each. A cookie with other characters,
 * for which a BEAM node fails, is taken as UTF-8 between two Hornbeam nodes.
 */
export function digest(
  md5: (data: Uint8Array) => Uint8Array,
  cookie: string,
  challenge: number,
): Uint8Array {
  const text = cookie + String(challenge >>> 0);
  for (let i = 0; i < cookie.length; i++) {
    if (cookie.charCodeAt(i) > 0xff) return md5(new TextEncoder().encode(text));
  }
  return md5(latin1Bytes(text));
}

/** Compares digests in a time that does not depend on where they differ. */
export function sameDigest(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < DIGEST_BYTES; i++) {
    difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  }
  return difference === 0;
}
