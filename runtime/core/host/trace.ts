/**
 * Trace hooks: functions that a node calls when something happens in it, for
 * observers and traces.
 *
 * A node without a trace has null in its place and pays one comparison where a
 * hook could be called, and nothing at all when a message is sent. On a node with
 * a trace, each message goes through the check of a full mailbox
 * (`signals/mailbox_limit.ts`), and each signal to other nodes through
 * `TracedRemote`.
 */

import { UsageError } from "../messages/errors.ts";
import type { NamedTarget } from "../messages/named_target.ts";
import type { ExitReason } from "../messages/reasons.ts";
import { type Pid, printTerm, type Ref } from "../terms/terms.ts";
import type { Remote, Way } from "./remote.ts";
import type { Signal } from "./signal.ts";

/**
 * A signal that has come from another node. Of a message to a pid, the sender
 * is not known any more.
 */
export type ReceivedSignal =
  | Exclude<Signal, { readonly type: "send" }>
  | { readonly type: "send"; readonly to: Pid; readonly message: unknown };

/**
 * The hooks of a node: `start({ trace })`. All are optional.
 *
 * A hook is called synchronously, in the middle of the event that it reports. It
 * must be quick, must not change its arguments, and must not use the node.
 * Collect what you need and evaluate it later. A hook that throws is not called
 * again, and a log record says so.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 *
 * const reasons: unknown[] = [];
 * await using node = await start({
 *   trace: { actorEnded: (_actor, reason) => reasons.push(reason) },
 * });
 * await node.run((self) => {
 *   self.exit("enough");
 * }).catch(() => {});
 * console.log(reasons.includes("enough")); // prints: true
 * ```
 */
export type Trace = {
  /**
   * A message is put into the mailbox of an actor, or is the reply that one of
   * its calls waits for. Lost messages are not reported.
   */
  readonly messageDelivered?: (to: Pid, message: unknown) => void;
  /**
   * An actor begins a turn. A turn may begin within another one, if that starts
   * an actor with `spawnReady`.
   */
  readonly turnBegun?: (actor: Pid) => void;
  /** The turn ends: the actor waits for messages, or has ended. */
  readonly turnEnded?: (actor: Pid) => void;
  /** An actor was spawned; `parent` is null when no actor did that. */
  readonly actorSpawned?: (actor: Pid, parent: Pid | null) => void;
  /** An actor has ended. Links and monitors are notified after this. */
  readonly actorEnded?: (actor: Pid, reason: ExitReason) => void;
  /**
   * An actor of this node is linked to another. A link within the node is
   * reported for both of its actors.
   */
  readonly linked?: (actor: Pid, to: Pid) => void;
  /**
   * An actor of this node monitors a target, or an actor of another node
   * monitors one of this node. A monitor within the node is reported once; calls
   * within the node need none.
   */
  readonly monitored?: (
    actor: Pid,
    target: Pid | NamedTarget,
    ref: Ref,
  ) => void;
  /** A signal was given to the connection with another node. */
  readonly signalSent?: (node: string, signal: Signal) => void;
  /** A signal of another node is about to take effect. */
  readonly signalReceived?: (signal: ReceivedSignal) => void;
  /** There is a connection with another node, hidden ones included. */
  readonly connectionUp?: (node: string) => void;
  /** The connection is lost. Links and monitors are notified after this. */
  readonly connectionDown?: (node: string, reason: string) => void;
};

/** All hooks of a node; those that are not wanted do nothing. */
export type TraceHooks = Required<Trace>;

type Hook = (...args: never[]) => void;

const nothing: Hook = () => {};

/** Their names, in the order of `Trace`. */
const hookNames: readonly (keyof Trace)[] = [
  "messageDelivered",
  "turnBegun",
  "turnEnded",
  "actorSpawned",
  "actorEnded",
  "linked",
  "monitored",
  "signalSent",
  "signalReceived",
  "connectionUp",
  "connectionDown",
];

/**
 * The hooks as the node calls them. `complain` is called once for a hook that
 * has thrown, which is not called again. Throws `UsageError` for a malformed
 * trace.
 */
export function makeTraceHooks(
  trace: Trace,
  complain: (name: string, error: unknown) => void,
): TraceHooks {
  const given = trace as Readonly<Record<string, unknown>>;
  for (const [name, hook] of Object.entries(given)) {
    if (!(hookNames as readonly string[]).includes(name)) {
      throw new UsageError(
        `expected trace to have hooks such as ${hookNames[0]}, got ` +
          printTerm(name),
      );
    }
    if (hook === undefined || typeof hook === "function") continue;
    throw new UsageError(
      `expected trace.${name} to be a function, got ${printTerm(hook)}`,
    );
  }
  const hooks: Record<string, Hook> = {};
  for (const name of hookNames) {
    const hook = trace[name] as Hook | undefined;
    hooks[name] = hook === undefined ? nothing : (...args) => {
      try {
        hook(...args);
      } catch (error) {
        hooks[name] = nothing;
        complain(name, error);
      }
    };
  }
  return hooks as unknown as TraceHooks;
}

/**
 * Reports the turns of a scheduler in pairs of begin and end. An actor may hand
 * over more often than it has turns.
 */
export class TurnTrace {
  readonly #hooks: TraceHooks;
  /** Actors whose turn has begun and has not ended. */
  readonly #inTurn = new Set<Pid>();

  constructor(hooks: TraceHooks) {
    this.#hooks = hooks;
  }

  beginTurn(pid: Pid): void {
    // An actor that has ended may still be in the run queue.
    if (pid.target === null || this.#inTurn.has(pid)) return;
    this.#inTurn.add(pid);
    this.#hooks.turnBegun(pid);
  }

  endTurn(pid: Pid): void {
    if (this.#inTurn.delete(pid)) this.#hooks.turnEnded(pid);
  }
}

/** A `Remote` that reports each signal to a trace. */
export class TracedRemote implements Remote {
  readonly #remote: Remote;
  readonly #hooks: TraceHooks;

  constructor(remote: Remote, hooks: TraceHooks) {
    this.#remote = remote;
    this.#hooks = hooks;
  }

  send(from: Pid, to: Pid, message: unknown): boolean {
    const hasRoom = this.#remote.send(from, to, message);
    this.#hooks.signalSent(to.node, { type: "send", from, to, message });
    return hasRoom;
  }

  signal(node: string, signal: Signal): boolean {
    const hasRoom = this.#remote.signal(node, signal);
    this.#hooks.signalSent(node, signal);
    return hasRoom;
  }

  ready(node: string, from: Pid): Promise<void> {
    return this.#remote.ready(node, from);
  }

  way(node: string, from: Pid): Way {
    return this.#remote.way(node, from);
  }

  nodes(): readonly string[] {
    return this.#remote.nodes();
  }
}
