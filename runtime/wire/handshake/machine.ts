/**
 * The two sides of the distribution handshake as state machines: they take
 * messages and return steps for their owner.
 *
 * They have no sockets, no timers and no framing. The owner sends the payloads of
 * the steps, passes in the messages that arrive, gives up when a step takes too
 * long, and closes the carrier after a `failed`, once all payloads before it are
 * written. Each handshake ends with exactly one `done` or `failed`, for any
 * messages of the peer. Nothing throws.
 *
 * Follows the Erlang/OTP documentation, "Distribution Protocol".
 */

import {
  decodeHandshake,
  digest,
  encodeAck,
  encodeChallenge,
  encodeName,
  encodeReply,
  encodeStatus,
  type HandshakeMessage,
  type HandshakePeer,
  sameDigest,
} from "./messages.ts";
import { expandFlags, flag, type Flags, missingFlags } from "./flags.ts";
import { complainAboutNodeName } from "../shared/node_name.ts";

/** Why a handshake failed. */
export type HandshakeFailure =
  /** The digests show that the cookies differ. */
  | "bad-cookie"
  /** Another connection between the two nodes continues instead of this one. */
  | "superseded"
  /** One side refused the other. */
  | "not-allowed"
  /** The peer lacks mandatory flags. */
  | "missing-flags"
  /** Another node answered than the one that was dialled. */
  | "wrong-name"
  /** The peer is too old, or asks for something that is not supported. */
  | "unsupported"
  /** A message was out of order, too short or malformed. */
  | "protocol"
  /** The stream ended before the handshake did. */
  | "closed";

/** One step for the owner. The steps that a call returns are in order. */
export type HandshakeStep =
  /** Send this as one frame with a 2-byte length. */
  | { readonly type: "send"; readonly payload: Uint8Array }
  /** Only from an acceptor: call `answerStatus`, now or later. */
  | { readonly type: "askStatus"; readonly peer: HandshakePeer }
  /** The nodes are connected; frames have 4-byte lengths from now on. */
  | {
    readonly type: "done";
    readonly peer: HandshakePeer;
    readonly ourFlags: Flags;
    /** Flags that both sides have set: they decide framing and encodings. */
    readonly chosenFlags: Flags;
  }
  | {
    readonly type: "failed";
    readonly reason: HandshakeFailure;
    /** One line for the log. */
    readonly detail: string;
  };

/** Options of both machines. */
export type HandshakeOptions = {
  /** What this node tells the peer about itself. */
  readonly own: HandshakePeer;
  /** The cookie for a peer. */
  readonly cookie: (peerName: string) => string;
  readonly md5: (data: Uint8Array) => Uint8Array;
  /** A random unsigned 32-bit integer that no peer can predict. */
  readonly randomU32: () => number;
};

/** The answer of an acceptor's owner to `askStatus`. */
export type StatusAnswer =
  | "ok"
  | "ok_simultaneous"
  | "nok"
  | "not_allowed"
  | "alive";

function failed(reason: HandshakeFailure, detail: string): HandshakeStep[] {
  return [{ type: "failed", reason, detail }];
}

function describe(message: HandshakeMessage): string {
  switch (message.type) {
    case "malformed":
      return message.detail;
    case "status":
      return `the status ${message.status}`;
    default:
      return `a message of type ${message.type}`;
  }
}

function lacking(peer: HandshakePeer): string {
  const bits = missingFlags(peer.flags).toString(16);
  return `expected a node with the flags of OTP 25 or newer, ` +
    `got ${peer.name} that lacks 0x${bits}; use Erlang/OTP 25 or newer`;
}

function done(own: HandshakePeer, peer: HandshakePeer): HandshakeStep {
  return {
    type: "done",
    peer,
    ourFlags: own.flags,
    chosenFlags: expandFlags(own.flags) & expandFlags(peer.flags),
  };
}

/** The side that dialled. */
export class Initiator {
  readonly #options: HandshakeOptions;
  readonly #peerName: string;
  readonly #isStillWanted: () => boolean;
  #state: "start" | "status" | "challenge" | "ack" | "ended" = "start";
  /** The peer as its challenge has described it; null before that. */
  #peer: HandshakePeer | null = null;
  /** The digest of our challenge, which proves the peer's cookie. */
  #expected: Uint8Array = new Uint8Array(0);

  /**
   * @param peerName The node that was dialled.
   * @param isStillWanted Called when the peer believes that it is connected to
   * us already. It returns whether this attempt is to continue nevertheless.
   */
  constructor(
    options: HandshakeOptions,
    peerName: string,
    isStillWanted: () => boolean,
  ) {
    this.#options = options;
    this.#peerName = peerName;
    this.#isStillWanted = isStillWanted;
  }

  /** Starts the handshake. */
  start(): HandshakeStep[] {
    if (this.#state !== "start") return [];
    this.#state = "status";
    return [{ type: "send", payload: encodeName(this.#options.own) }];
  }

  /** Takes the payload of a frame. Returns no step after the handshake. */
  receive(payload: Uint8Array): HandshakeStep[] {
    if (this.#state === "ended") return [];
    const message = decodeHandshake(payload, "acceptor");
    switch (this.#state) {
      case "status":
        return this.#receiveStatus(message);
      case "challenge":
        return this.#receiveChallenge(message);
      case "ack":
        return this.#receiveAck(message);
      case "start":
        return this.#fail(
          "protocol",
          `expected nothing before our name, got ${describe(message)}`,
        );
      default:
        return this.#state satisfies never;
    }
  }

  /** The stream has ended. */
  closed(): HandshakeStep[] {
    switch (this.#state) {
      case "ended":
        return [];
      case "ack":
        return this.#fail(
          "bad-cookie",
          `expected ${this.#peerName} to acknowledge our digest, but it ` +
            `closed the connection: most likely the cookies differ`,
        );
      default:
        return this.#fail(
          "closed",
          `${this.#peerName} closed the connection during the handshake`,
        );
    }
  }

  #fail(reason: HandshakeFailure, detail: string): HandshakeStep[] {
    this.#state = "ended";
    return failed(reason, detail);
  }

  #receiveStatus(message: HandshakeMessage): HandshakeStep[] {
    const peer = this.#peerName;
    if (message.type === "named") {
      return this.#fail(
        "protocol",
        `expected a status, got the name ${message.name} from ${peer} ` +
          `without having asked for one`,
      );
    }
    if (message.type !== "status") {
      return this.#fail(
        "protocol",
        `expected a status from ${peer}, got ${describe(message)}`,
      );
    }
    switch (message.status) {
      case "ok":
      case "ok_simultaneous":
        this.#state = "challenge";
        return [];
      case "nok":
        return this.#fail(
          "superseded",
          `${peer} continues with its own attempt`,
        );
      case "not_allowed":
        return this.#fail("not-allowed", `${peer} does not allow us`);
      case "alive":
        return this.#answerAlive();
      case "true":
      case "false":
        return this.#fail(
          "protocol",
          `expected ${peer} to answer our name, got ${describe(message)}`,
        );
      default:
        return message.status satisfies never;
    }
  }

  #answerAlive(): HandshakeStep[] {
    const wanted = this.#isStillWanted();
    const answer: HandshakeStep = {
      type: "send",
      payload: encodeStatus(wanted ? "true" : "false"),
    };
    if (wanted) {
      this.#state = "challenge";
      return [answer];
    }
    return [
      answer,
      ...this.#fail(
        "superseded",
        `${this.#peerName} is connected and this attempt is not needed`,
      ),
    ];
  }

  #receiveChallenge(message: HandshakeMessage): HandshakeStep[] {
    if (message.type === "oldName") {
      return this.#fail(
        "unsupported",
        `${this.#peerName} speaks the handshake of OTP 22 or older; ` +
          `use Erlang/OTP 25 or newer`,
      );
    }
    if (message.type !== "challenge") {
      return this.#fail(
        "protocol",
        `expected a challenge from ${this.#peerName}, got ${describe(message)}`,
      );
    }
    const { peer, challenge } = message;
    if (peer.name !== this.#peerName) {
      return this.#fail(
        "wrong-name",
        `expected the node ${this.#peerName}, got ${peer.name}; ` +
          `dial a node by the name it was started with`,
      );
    }
    if (missingFlags(peer.flags) !== 0n) {
      return this.#fail("missing-flags", lacking(peer));
    }
    const { cookie, md5, randomU32 } = this.#options;
    const secret = cookie(peer.name);
    const ours = randomU32() >>> 0;
    this.#peer = peer;
    this.#expected = digest(md5, secret, ours);
    this.#state = "ack";
    const payload = encodeReply(ours, digest(md5, secret, challenge));
    return [{ type: "send", payload }];
  }

  #receiveAck(message: HandshakeMessage): HandshakeStep[] {
    const peer = this.#peer;
    if (message.type !== "ack" || peer === null) {
      return this.#fail(
        "protocol",
        `expected a challenge acknowledgement from ${this.#peerName}, ` +
          `got ${describe(message)}`,
      );
    }
    if (!sameDigest(message.digest, this.#expected)) {
      return this.#fail(
        "bad-cookie",
        `expected ${peer.name} to prove our cookie, got another digest; ` +
          `give both nodes the same cookie`,
      );
    }
    this.#state = "ended";
    return [done(this.#options.own, peer)];
  }
}

/** The side that was dialled. */
export class Acceptor {
  readonly #options: HandshakeOptions;
  #state: "name" | "answer" | "alive" | "reply" | "ended" = "name";
  /** The peer as its name message has described it; null before that. */
  #peer: HandshakePeer | null = null;
  /** Our challenge; meaningful in state `reply`. */
  #challenge = 0;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  /** Takes the payload of a frame. Returns no step after the handshake. */
  receive(payload: Uint8Array): HandshakeStep[] {
    if (this.#state === "ended") return [];
    const message = decodeHandshake(payload, "initiator");
    switch (this.#state) {
      case "name":
        return this.#receiveName(message);
      case "alive":
        return this.#receiveAliveAnswer(message);
      case "reply":
        return this.#receiveReply(message);
      case "answer":
        return this.#fail(
          "protocol",
          `expected nothing before our status, got ${describe(message)}`,
        );
      default:
        return this.#state satisfies never;
    }
  }

  /** Takes the answer to `askStatus`; ignored at any other time. */
  answerStatus(status: StatusAnswer): HandshakeStep[] {
    const peer = this.#peer;
    if (this.#state !== "answer" || peer === null) return [];
    const answer: HandshakeStep = {
      type: "send",
      payload: encodeStatus(status),
    };
    switch (status) {
      case "ok":
      case "ok_simultaneous":
        return [answer, this.#sendChallenge()];
      case "alive":
        this.#state = "alive";
        return [answer];
      case "nok":
        return [
          answer,
          ...this.#fail(
            "superseded",
            `our own attempt to connect to ${peer.name} continues`,
          ),
        ];
      case "not_allowed":
        return [
          answer,
          ...this.#fail("not-allowed", `${peer.name} is not allowed here`),
        ];
      default:
        return status satisfies never;
    }
  }

  /** The stream has ended. */
  closed(): HandshakeStep[] {
    if (this.#state === "ended") return [];
    const who = this.#peer?.name ?? "a peer";
    return this.#fail(
      "closed",
      `${who} closed the connection during the handshake`,
    );
  }

  #fail(reason: HandshakeFailure, detail: string): HandshakeStep[] {
    this.#state = "ended";
    return failed(reason, detail);
  }

  #refuse(reason: HandshakeFailure, detail: string): HandshakeStep[] {
    return [
      { type: "send", payload: encodeStatus("not_allowed") },
      ...this.#fail(reason, detail),
    ];
  }

  #receiveName(message: HandshakeMessage): HandshakeStep[] {
    if (message.type === "oldName") {
      return this.#fail(
        "unsupported",
        `${message.name} speaks the handshake of OTP 22 or older, or does ` +
          `not know that we speak a newer one; use Erlang/OTP 25 or newer`,
      );
    }
    if (message.type !== "name") {
      return this.#fail(
        "protocol",
        message.type === "malformed"
          ? describe(message)
          : `expected a name, got ${describe(message)}`,
      );
    }
    const peer = message.peer;
    if ((peer.flags & flag.nameMe) !== 0n) {
      return this.#refuse(
        "unsupported",
        `a node on ${peer.name} asks for a name of our choice; ` +
          `start it with a name of its own`,
      );
    }
    const complaint = complainAboutNodeName(peer.name);
    if (complaint !== null) return this.#fail("protocol", complaint);
    if (peer.name === this.#options.own.name) {
      return this.#refuse(
        "not-allowed",
        `a peer has our own name ${peer.name}; give each node its own`,
      );
    }
    if (missingFlags(peer.flags) !== 0n) {
      return this.#refuse("missing-flags", lacking(peer));
    }
    this.#peer = peer;
    this.#state = "answer";
    return [{ type: "askStatus", peer }];
  }

  #sendChallenge(): HandshakeStep {
    this.#challenge = this.#options.randomU32() >>> 0;
    this.#state = "reply";
    return {
      type: "send",
      payload: encodeChallenge(this.#options.own, this.#challenge),
    };
  }

  #receiveAliveAnswer(message: HandshakeMessage): HandshakeStep[] {
    if (message.type === "status" && message.status === "true") {
      return [this.#sendChallenge()];
    }
    if (message.type === "status" && message.status === "false") {
      return this.#fail(
        "superseded",
        `${this.#peer?.name} keeps the connection that is up`,
      );
    }
    return this.#fail(
      "protocol",
      `expected the status true or false, got ${describe(message)}`,
    );
  }

  #receiveReply(message: HandshakeMessage): HandshakeStep[] {
    const peer = this.#peer;
    if (message.type !== "reply" || peer === null) {
      return this.#fail(
        "protocol",
        `expected a challenge reply, got ${describe(message)}`,
      );
    }
    const { own, cookie, md5 } = this.#options;
    const secret = cookie(peer.name);
    if (!sameDigest(message.digest, digest(md5, secret, this.#challenge))) {
      return this.#fail(
        "bad-cookie",
        `expected ${peer.name} to prove our cookie, got another digest; ` +
          `give both nodes the same cookie`,
      );
    }
    this.#state = "ended";
    const payload = encodeAck(digest(md5, secret, message.challenge));
    return [{ type: "send", payload }, done(own, peer)];
  }
}
