/**
 * Resolvers: which of two pids keeps a name that was registered on both sides
 * of a healed partition. There are OTP's three methods, and functions of this
 * node.
 *
 * A function runs on the node of the pid that it was registered with, and can
 * only be given for an actor of its own node. OTP's methods travel by name and
 * run on the node where two sides meet.
 */

import type { Node } from "../../../core/node/node.ts";
import { sendExitSignal } from "../../../core/signals/exits.ts";
import { reasons } from "../../../core/messages/reasons.ts";
import { UsageError } from "../../../core/messages/errors.ts";
import { termKey } from "../../../core/terms/key.ts";
import {
  atom,
  Closure,
  ExternalFun,
  Pid,
  printTerm,
  Tuple,
} from "../../../core/terms/terms.ts";
import { isSmaller, type Method } from "../protocol/terms.ts";
import { isMethod } from "../protocol/read.ts";
import { callOffered } from "../../rpc/call_offered.ts";

/**
 * Decides between two pids under one name: returns the pid that keeps it, or
 * null for neither. Any other result, and an error, mean neither.
 */
export type ResolverFunction = (
  name: unknown,
  one: Pid,
  other: Pid,
) => Pid | null | Promise<Pid | null>;

/**
 * What happens to a name that two actors hold when partitions meet.
 * `randomExit`: one actor keeps it and the other is killed. `randomNotify`: one
 * keeps it, and the other is sent `{global_name_conflict, Name}`. `notifyAll`:
 * neither keeps it, and both are sent `{global_name_conflict, Name, OtherPid}`.
 */
export type Resolver =
  | "randomExit"
  | "randomNotify"
  | "notifyAll"
  | ResolverFunction;

const methodNames = {
  randomExit: "random_exit_name",
  randomNotify: "random_notify_name",
  notifyAll: "notify_all_name",
} as const;

/**
 * Whether a method can run on any node. Such a method is best run on a node
 * that is connected to both sides.
 */
export function isEverywhere(method: Method): boolean {
  return method instanceof ExternalFun && method.module === "global";
}

const own = new ExternalFun("hornbeam", "resolve_name", 3);
const conflict = atom("global_name_conflict");

/**
 * The form in which a resolver travels. Throws `UsageError` for no resolver.
 */
export function methodOf(resolver: Resolver): Method {
  if (typeof resolver === "function") return own;
  if (Object.hasOwn(methodNames, resolver)) {
    return new ExternalFun("global", methodNames[resolver], 3);
  }
  throw new UsageError(
    "expected a resolver: randomExit, randomNotify, notifyAll or a function, " +
      `got ${printTerm(resolver)}`,
  );
}

/** Up to this many resolvers are kept without a sweep. */
const KEPT_MIN = 1_000;

/** A function, and the name and pid that it was given for. */
type Given = {
  readonly name: unknown;
  readonly pid: Pid;
  readonly resolver: ResolverFunction;
  /** Whether the registration is still under way. */
  isAsked: boolean;
};

/** The functions that were given for names of this node's actors. */
export class Resolvers {
  readonly #node: Node;
  /**
   * By name and pid. Contains the function of every name that this node's
   * actors hold with one; others stay until the next sweep.
   */
  readonly #given = new Map<string, Given>();
  /** The size of `#given` from which on it is swept; at least `KEPT_MIN`. */
  #sweepAt = KEPT_MIN;

  constructor(node: Node) {
    this.#node = node;
  }

  /**
   * Keeps a function from now on: other nodes may have the name before its
   * registration returns here. Returns a function that must be called with
   * whether the name was given; if not, the previous resolver is restored.
   */
  add(
    name: unknown,
    pid: Pid,
    resolver: ResolverFunction,
  ): (isGiven: boolean) => void {
    const key = keyOf(name, pid);
    const before = this.#given.get(key);
    const given: Given = { name, pid, resolver, isAsked: true };
    this.#given.set(key, given);
    return (isGiven) => {
      given.isAsked = false;
      if (isGiven || this.#given.get(key) !== given) return;
      if (before === undefined) this.#given.delete(key);
      else this.#given.set(key, before);
    };
  }

  /** Removes the functions of names that are not held, once there are many. */
  sweep(hasName: (name: unknown, pid: Pid) => boolean): void {
    if (this.#given.size < this.#sweepAt) return;
    for (const [key, { name, pid, isAsked }] of this.#given) {
      if (!isAsked && !hasName(name, pid)) this.#given.delete(key);
    }
    this.#sweepAt = Math.max(KEPT_MIN, 2 * this.#given.size);
  }

  /** How many functions are kept, for tests. */
  get count(): number {
    return this.#given.size;
  }

  /** As OTP's `global:resolve_it/4`: a pid, or the atom `none`. */
  async resolve(
    method: unknown,
    name: unknown,
    one: unknown,
    other: unknown,
  ): Promise<unknown> {
    const none = atom("none");
    if (!(one instanceof Pid) || !(other instanceof Pid)) return none;
    if (!isMethod(method)) return none;
    try {
      return await this.#decide(method, name, one, other) ?? none;
    } catch (error) {
      this.#node.log("error", "kernel", "a resolver of global threw", {
        error,
      });
      return none;
    }
  }

  async #decide(
    method: Method,
    name: unknown,
    one: Pid,
    other: Pid,
  ): Promise<unknown> {
    if (method instanceof Closure) {
      // OTP's default is a fun of its own module. No other fun has code here.
      return method.module === "global" ? this.#exit(one, other) : null;
    }
    const { module, name: called } = method;
    if (module === own.module && called === own.name) {
      const given = this.#given.get(keyOf(name, other));
      return await given?.resolver(name, one, other);
    }
    if (module === "global") return this.#builtIn(called, name, one, other);
    const args = [name, one, other];
    const outcome = await callOffered(this.#node.functions, {
      module: atom(module),
      name: atom(called),
      args,
    });
    return outcome.type === "return" ? outcome.value : null;
  }

  #builtIn(method: string, name: unknown, one: Pid, other: Pid): Pid | null {
    switch (method) {
      case methodNames.randomExit:
        return this.#exit(one, other);
      case methodNames.randomNotify: {
        const [winner, loser] = ordered(one, other);
        this.#tell(loser, new Tuple([conflict, name]));
        return winner;
      }
      case methodNames.notifyAll:
        this.#tell(one, new Tuple([conflict, name, other]));
        this.#tell(other, new Tuple([conflict, name, one]));
        return null;
      default:
        return null;
    }
  }

  #exit(one: Pid, other: Pid): Pid {
    const [winner, loser] = ordered(one, other);
    this.#node.log("info", "kernel", `global: ${loser} loses a name and ends`);
    sendExitSignal(this.#node, this.#node.pid, loser, reasons.kill);
    return winner;
  }

  #tell(pid: Pid, message: unknown): void {
    this.#node.sendFrom(this.#node.pid, pid as Pid<unknown>, message);
  }
}

/** The pid on the node with the smaller name first: it wins. */
function ordered(one: Pid, other: Pid): readonly [Pid, Pid] {
  return isSmaller(one.node, other.node) ? [one, other] : [other, one];
}

function keyOf(name: unknown, pid: Pid): string {
  return `${termKey(name)} ${termKey(pid)}`;
}
