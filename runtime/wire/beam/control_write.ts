/**
 * Writes signals as Erlang's control messages: a tuple, and the payload behind
 * it.
 *
 * Follows the Erlang/OTP documentation, "Protocol between Connected Nodes", as
 * OTP 25 to 28 implement it. Reading is in `beam/control_read.ts`. The counterpart
 * between two Hornbeam nodes is `cbor/control.ts`.
 */

import type { MonitorTarget, Signal } from "../../core/host/signal.ts";
import { atom, Tuple } from "../../core/terms/terms.ts";
import { ops } from "../shared/control_numbers.ts";
import { plainItems } from "../shared/plain_signals.ts";
import { nameAtom } from "../../core/terms/atom_names.ts";
import { DIVIDER } from "./spawn_options.ts";
import { EncodeError } from "../shared/errors.ts";
import { flag, type Flags } from "../handshake/flags.ts";

/** A control message; `payload` is undefined when it has none. */
export type ControlMessage = {
  readonly control: Tuple;
  readonly payload: { readonly term: unknown } | undefined;
};

/** Takes the place of the cookie, which no node reads any more. */
const noCookie = atom("");

function targetTerm(target: MonitorTarget): unknown {
  return typeof target === "string" ? nameAtom(target) : target;
}

function message(control: readonly unknown[], term: unknown): ControlMessage {
  return { control: new Tuple(control), payload: { term } };
}

function bare(control: readonly unknown[]): ControlMessage {
  return { control: new Tuple(control), payload: undefined };
}

/**
 * The control message of a signal for a peer; `chosen` are the flags that both
 * nodes have set. Throws an `EncodeError` for a spawn request when the peer does
 * not support them, or when the behaviour is not `module:function`.
 */
export function toControl(signal: Signal, chosen: Flags): ControlMessage {
  const { type } = signal;
  switch (type) {
    case "send":
      return message(
        (chosen & flag.sendSender) === 0n
          ? [ops.send, noCookie, signal.to]
          : [ops.sendSender, signal.from, signal.to],
        signal.message,
      );
    case "sendNamed":
      return message(
        [ops.regSend, signal.from, noCookie, nameAtom(signal.name)],
        signal.message,
      );
    case "sendAlias":
      return message(
        [ops.aliasSend, signal.from, signal.alias],
        signal.message,
      );
    case "linkExit":
    case "exit":
    case "down":
      return exitMessage(signal, (chosen & flag.exitPayload) !== 0n);
    case "spawnRequest":
      return spawnRequest(signal, (chosen & flag.spawn) !== 0n);
    default:
      return bare(plainItems(signal, targetTerm));
  }
}

/**
 * An exit or down message. Its reason is the payload, or part of the tuple when
 * the peer does not support that.
 */
function exitMessage(
  signal: Extract<Signal, { type: "linkExit" | "exit" | "down" }>,
  asPayload: boolean,
): ControlMessage {
  const { type, to, reason } = signal;
  const parties = type === "down"
    ? [targetTerm(signal.target), to, signal.ref]
    : [signal.from, to];
  const [payloadOp, plainOp] = exitOps[type];
  return asPayload
    ? message([payloadOp, ...parties], reason)
    : bare([plainOp, ...parties, reason]);
}

const exitOps = {
  linkExit: [ops.payloadExit, ops.exit],
  exit: [ops.payloadExit2, ops.exit2],
  down: [ops.payloadMonitorPExit, ops.monitorPExit],
} as const;

function spawnRequest(
  signal: Extract<Signal, { type: "spawnRequest" }>,
  isKnown: boolean,
): ControlMessage {
  const { ref, from, groupLeader, behaviour, args, flags } = signal;
  if (!isKnown) {
    throw new EncodeError(
      "behaviour",
      `expected a node that accepts spawn requests, got ${
        JSON.stringify(behaviour)
      } for one that does not; send a message to an actor there`,
    );
  }
  const at = behaviour.indexOf(DIVIDER);
  if (at <= 0 || at === behaviour.length - 1) {
    throw new EncodeError(
      "behaviour",
      'expected "module:function" to spawn on a BEAM node, got ' +
        `${JSON.stringify(behaviour)}; modules of Elixir begin with "Elixir."`,
    );
  }
  const called = new Tuple([
    nameAtom(behaviour.slice(0, at)),
    nameAtom(behaviour.slice(at + 1)),
    args.length,
  ]);
  const options = [
    ...(flags.link ? [atom("link")] : []),
    ...(flags.monitor ? [atom("monitor")] : []),
  ];
  return message(
    [ops.spawnRequest, ref, from, groupLeader, called, options],
    args,
  );
}
