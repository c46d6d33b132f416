/** Random signals between two nodes, and the terms in them. */
import type { MonitorTarget, Signal } from "../../runtime/core/host/signal.ts";
import {
  Call,
  Cast,
  SystemRequest,
} from "../../runtime/core/messages/requests.ts";
import {
  atom,
  ImproperList,
  Pid,
  Ref,
  Tuple,
} from "../../runtime/core/terms/terms.ts";
import type { Incarnation } from "../../runtime/wire/shared/incarnation.ts";
import { randomTerm } from "../helpers/terms/random_terms.ts";
import { bytesOf, type Draw, pick, u32Of } from "./inputs.ts";

/** The nodes of a link. */
export type Ends = { readonly from: Incarnation; readonly to: Incarnation };

export function pidOf(draw: Draw, { node, creation }: Incarnation): Pid {
  return new Pid(node, u32Of(draw), u32Of(draw), creation, null);
}

export function refOf(draw: Draw, { node, creation }: Incarnation): Ref {
  return new Ref(node, creation, [
    u32Of(draw) % 0x40000,
    u32Of(draw),
    u32Of(draw),
  ]);
}

/** Any term; `isOurs`: also what only JavaScript has, for a Hornbeam node. */
export function termOf(draw: Draw, ends: Ends, isOurs: boolean): unknown {
  const size = draw(30) === 0 ? 100 : 12;
  switch (draw(isOurs ? 10 : 6)) {
    case 0:
      return pidOf(draw, draw(2) === 0 ? ends.from : ends.to);
    case 1:
      return refOf(draw, draw(2) === 0 ? ends.from : ends.to);
    case 2:
      return callOf(draw, ends, isOurs);
    case 6:
      return ourTerm(draw, ends);
    default: {
      // An odd seed never has one of the large terms.
      const seed = 2 * draw(0x3fffffff);
      return randomTerm(draw(2_000) === 0 ? seed : seed + 1, { size });
    }
  }
}

/** A message of OTP or of the runtime. */
function callOf(draw: Draw, ends: Ends, isOurs: boolean): unknown {
  const request = randomTerm(1 + draw(0x7fffffff), { size: 6 });
  const pid = pidOf(draw, ends.from);
  const ref = refOf(draw, ends.from);
  const tag = draw(2) === 0 ? new ImproperList([atom("alias")], ref) : ref;
  const from = { pid, tag, isOtp: true } as const;
  switch (draw(isOurs ? 5 : 4)) {
    case 0:
      return new Cast(request);
    case 1:
      return new Call(from, request);
    case 2:
      return new SystemRequest(from, request);
    case 3:
      return new Tuple([tag, request]);
    default:
      return new Call({ pid, tag: ref }, request);
  }
}

/** Terms that only JavaScript has. */
function ourTerm(draw: Draw, ends: Ends): unknown {
  const inner = (): unknown => termOf(draw, ends, draw(3) > 0);
  const bytes = bytesOf(draw, 8 * draw(6));
  switch (draw(9)) {
    case 0:
      return new Map([[draw(9), inner()], [inner(), 1]]);
    case 1:
      return new Set([draw(9), "text", u32Of(draw) + 10]);
    case 2:
      return new Date(u32Of(draw) * 1_000);
    case 3:
      return unplaced(new RangeError("out of range", { cause: inner() }));
    case 4:
      return unplaced(new AggregateError([inner(), 2], "several"));
    case 5:
      return pick(draw, [
        bytes.buffer,
        new Float64Array(bytes.buffer),
        new DataView(bytes.buffer),
        new Int16Array(bytes.buffer),
        new BigInt64Array(bytes.buffer),
      ]);
    case 6:
      return { ["__proto__"]: inner(), a: [inner()], 7: -0 };
    case 7:
      return pick(draw, [NaN, -0, Infinity, 2 ** 70, -(2n ** 80n), undefined]);
    default:
      return pick(draw, ["\ud800", "\0", "\ufeff", "", "é".repeat(draw(90))]);
  }
}

const names = [
  "a",
  "rex",
  "pg",
  "",
  "global_name_server",
  "é",
  "x".repeat(255),
];
const behaviours = ["m:f", "erlang:apply", "worker", "", ":", "a:b:c"];

/** Making the stack of an error would take longer than all the rest. */
function unplaced(error: Error): Error {
  error.stack = "at a place";
  return error;
}

/** Any signal from one node to the other. */
export function signalOf(draw: Draw, ends: Ends, isOurs: boolean): Signal {
  const [from, to] = [pidOf(draw, ends.from), pidOf(draw, ends.to)];
  const term = (): unknown => termOf(draw, ends, isOurs);
  const id = 1 + u32Of(draw);
  const flags = { link: draw(2) === 0, monitor: draw(2) === 0 };
  const target = (pid: Pid): MonitorTarget =>
    draw(3) === 0 ? pick(draw, names) : pid;
  const ref = refOf(draw, ends.from);
  switch (draw(17)) {
    case 0:
      return { type: "link", from, to };
    case 1:
      return { type: "unlink", from, to, id };
    case 2:
      return { type: "unlinkAck", from, to, id };
    case 3:
      return { type: "linkExit", from, to, reason: term() };
    case 4:
      return { type: "exit", from, to, reason: term() };
    case 5:
      return { type: "monitor", from, target: target(to), ref };
    case 6:
      return { type: "demonitor", from, target: target(to), ref };
    case 7: {
      const theirs = refOf(draw, ends.to);
      const reason = term();
      return { type: "down", target: target(from), to, ref: theirs, reason };
    }
    case 8: {
      const args = Array.from({ length: draw(4) }, term);
      const behaviour = pick(draw, behaviours);
      const type = "spawnRequest";
      return { type, ref, from, groupLeader: from, behaviour, args, flags };
    }
    case 9: {
      const result = target(from);
      const theirs = refOf(draw, ends.to);
      return { type: "spawnReply", ref: theirs, to, flags, result };
    }
    case 10:
      return { type: "groupLeader", from, to };
    case 11: {
      const alias = refOf(draw, ends.to);
      return { type: "sendAlias", from, alias, message: term() };
    }
    case 12:
    case 13:
      return {
        type: "sendNamed",
        from,
        name: pick(draw, names),
        message: term(),
      };
    default:
      return { type: "send", from, to, message: term() };
  }
}
