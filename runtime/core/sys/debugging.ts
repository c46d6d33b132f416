/**
 * Statistics, logs and traces of a handler actor, as OTP's `sys` offers them: its
 * messages and replies are counted, kept, printed or passed to functions.
 *
 * While any of this is on, the actor is `isSpecial` and takes one message per
 * turn, which is noted before its handler gets it. Outgoing events are replies,
 * as with OTP's `gen_server`. Messages that a handler takes with `receive` are
 * not noted.
 */

import type { ActorRecord } from "../contract/record.ts";
import { asOtpTerm } from "../messages/otp_terms.ts";
import type { ReplyTo } from "../messages/requests.ts";
import type { Destination } from "../contract/self.ts";
import {
  type DebugFunction,
  DebugState,
  type SystemEvent,
} from "../contract/debug_state.ts";
import { termKey } from "../terms/key.ts";
import { type Atom, atom, printTerm, Tuple } from "../terms/terms.ts";

/** Result of a debug function that is to be removed. */
export const done: Atom = atom("done");

/** Events that a log keeps by default. */
const DEFAULT_LOG = 10;

const names = {
  ok: atom("ok"),
  get: atom("get"),
  print: atom("print"),
  in: atom("in"),
  out: atom("out"),
} as const;

/** Notes the next message of the handler. */
export function noteIn(actor: ActorRecord, debug: DebugState): void {
  if (debug.statistics !== null) debug.statistics.in++;
  note(actor, debug, { type: "in", message: actor.mailbox.at(0) });
}

/** Notes a reply of an actor, if its statistics or traces are on. */
export function noteOut(
  actor: ActorRecord,
  to: ReplyTo,
  message: unknown,
): void {
  const { debug } = actor;
  if (debug === null) return;
  if (debug.statistics !== null) debug.statistics.out++;
  note(actor, debug, { type: "out", message, to: to.pid });
}

function note(actor: ActorRecord, debug: DebugState, event: SystemEvent): void {
  if (debug.isTraced) print(actor, event);
  if (debug.logLimit > 0) {
    debug.log.push(event);
    if (debug.log.length > debug.logLimit) debug.log.shift();
  }
  for (const [key, installed] of debug.functions) {
    try {
      installed.state = installed.call(
        installed.state,
        event,
        actor.describe(),
      );
      if (installed.state === done) debug.functions.delete(key);
    } catch (error) {
      debug.functions.delete(key);
      actor.owner.logActor("warning", "a debug function has thrown", { error });
    }
  }
}

/** Prints an event on the output of the actor's group leader, as OTP does. */
function print(actor: ActorRecord, event: SystemEvent): void {
  const { owner, groupLeader } = actor;
  const message = printTerm(asOtpTerm(event.message));
  const line = event.type === "in"
    ? `*DBG* ${actor.describe()} got ${message}`
    : `*DBG* ${actor.describe()} sent ${message} to ${printTerm(event.to)}`;
  const chars = new Tuple([atom("put_chars"), atom("unicode"), `${line}\n`]);
  const request = [atom("io_request"), owner.pid, owner.makeRef(), chars];
  try {
    // The sender is the node itself, so the answer of the leader is dropped.
    const leader = groupLeader as Destination;
    owner.sendFrom(owner.pid, leader, new Tuple(request));
  } catch (error) {
    owner.logActor("info", line, { error });
  }
}

/** An event in the form of OTP's `sys:log`. */
function tupleOf(event: SystemEvent): Tuple {
  const message = asOtpTerm(event.message);
  return event.type === "in"
    ? new Tuple([names.in, message])
    : new Tuple([names.out, message, event.to]);
}

/** Handles `{debug, Option}` and returns the answer. */
export function setDebug(actor: ActorRecord, option: unknown): unknown {
  if (option === atom("no_debug")) {
    actor.debug = null;
    return names.ok;
  }
  const debug = actor.debug ?? new DebugState();
  const answer = changeDebug(actor, debug, option);
  actor.debug = debug.isOff ? null : debug;
  return answer;
}

function changeDebug(
  actor: ActorRecord,
  debug: DebugState,
  option: unknown,
): unknown {
  const [name, argument] = option instanceof Tuple ? option.items : [option];
  switch (name) {
    case atom("statistics"):
      return statistics(actor, debug, argument);
    case atom("log"):
      return log(actor, debug, argument);
    case atom("log_to_file"):
      return argument === false
        ? names.ok
        : new Tuple([atom("error"), atom("open_file")]);
    case atom("trace"):
      if (typeof argument !== "boolean") break;
      debug.isTraced = argument;
      return names.ok;
    case atom("install"):
      return install(debug, argument);
    case atom("remove"):
      debug.functions.delete(keyOf(argument));
      return names.ok;
    default:
  }
  return atom("unknown_debug");
}

function statistics(
  actor: ActorRecord,
  debug: DebugState,
  argument: unknown,
): unknown {
  const { statistics: counted } = debug;
  const { host } = actor.owner;
  switch (argument) {
    case true:
      debug.statistics ??= {
        startTime: host.wallTime(),
        reductions: actor.reductions,
        in: 0,
        out: 0,
      };
      return names.ok;
    case false:
      debug.statistics = null;
      return names.ok;
    case names.get: {
      if (counted === null) {
        return new Tuple([names.ok, atom("no_statistics")]);
      }
      const figures = {
        start_time: localTime(counted.startTime),
        current_time: localTime(host.wallTime()),
        reductions: actor.reductions - counted.reductions,
        messages_in: counted.in,
        messages_out: counted.out,
      };
      const items = Object.entries(figures)
        .map(([key, value]) => new Tuple([atom(key), value]));
      return new Tuple([names.ok, items]);
    }
    default:
      return atom("unknown_debug");
  }
}

/** `{{Year, Month, Day}, {Hour, Minute, Second}}`, as `erlang:localtime()`. */
function localTime(ms: number): Tuple {
  const at = new Date(ms);
  return new Tuple([
    new Tuple([at.getFullYear(), at.getMonth() + 1, at.getDate()]),
    new Tuple([at.getHours(), at.getMinutes(), at.getSeconds()]),
  ]);
}

function log(
  actor: ActorRecord,
  debug: DebugState,
  argument: unknown,
): unknown {
  const [on, limit] = argument instanceof Tuple
    ? argument.items
    : [argument, DEFAULT_LOG];
  if (on === names.get && !(argument instanceof Tuple)) {
    return new Tuple([names.ok, debug.log.map(tupleOf)]);
  }
  if (on === names.print) {
    for (const event of debug.log) print(actor, event);
    return names.ok;
  }
  if (argument === false) {
    debug.logLimit = 0;
    debug.log = [];
    return names.ok;
  }
  if (on !== true || !Number.isInteger(limit) || limit as number < 1) {
    return atom("unknown_debug");
  }
  debug.logLimit = limit as number;
  debug.log = debug.log.slice(-debug.logLimit);
  return names.ok;
}

/** Takes `{Function, State}` or `{Id, Function, State}`, on this node only. */
function install(debug: DebugState, argument: unknown): unknown {
  const items = argument instanceof Tuple ? argument.items : [];
  const [call, state] = items.slice(-2);
  if (typeof call !== "function" || items.length < 2 || items.length > 3) {
    return atom("unknown_debug");
  }
  const key = keyOf(items[0]);
  if (!debug.functions.has(key)) {
    debug.functions.set(key, { call: call as DebugFunction, state });
  }
  return names.ok;
}

/** The key of a debug function in `DebugState.functions`. */
function keyOf(id: unknown): unknown {
  return typeof id === "function" ? id : termKey(id);
}
