/**
 * Spawning a behaviour that another node exports by name.
 *
 * Follows the spawn request of Erlang's distribution protocol: the reply comes
 * before any other signal of the new actor, its link and monitor exist before
 * it runs, and the ref of the request is the ref of the monitor.
 */

import type { ActorRecord } from "../contract/record.ts";
import type { NodeServices } from "../contract/record.ts";
import {
  type AnyBehaviour,
  type ExportedBehaviour,
  Handler,
} from "../contract/behaviour.ts";
import type { RemoteSpawn, RemoteSpawnOptions } from "../contract/self.ts";
import type { Signal } from "../host/signal.ts";
import { MAX_ARITY, splitCalled, stackEntry } from "./functions.ts";
import { addLink, link } from "../signals/links.ts";
import {
  addMonitor,
  addWatcher,
  monitor,
  noExtras,
} from "../signals/monitors.ts";
import { ExitError, SpawnError } from "../messages/errors.ts";
import { atom, Pid, type Ref, Tuple } from "../terms/terms.ts";

type SpawnRequest = Extract<Signal, { type: "spawnRequest" }>;
type SpawnReply = Extract<Signal, { type: "spawnReply" }>;

/** The function that another node asks for, and the parent of the actor. */
type CalledSpawn = Pick<
  SpawnRequest,
  "from" | "groupLeader" | "behaviour" | "args"
>;

/** The behaviour that runs an offered function; see `Node.internals`. */
const APPLY = "erlang:apply/3";

/** A request that waits for its reply. */
type PendingSpawn = {
  readonly actor: ActorRecord;
  readonly node: string;
  readonly behaviour: string;
  readonly options: RemoteSpawnOptions;
  readonly resolve: (spawned: RemoteSpawn<never>) => void;
  readonly reject: (error: SpawnError) => void;
};

export class Spawns {
  readonly #node: NodeServices;
  /** Requests without a reply so far, by the ref of the request. */
  readonly #pending = new Map<Ref, PendingSpawn>();

  constructor(node: NodeServices) {
    this.#node = node;
  }

  /** Number of requests without a reply so far; for tests. */
  get size(): number {
    return this.#pending.size;
  }

  /** Spawns on a node. Rejects with a `SpawnError`. */
  request<T>(
    actor: ActorRecord,
    node: string,
    behaviour: string,
    args: readonly unknown[],
    options: RemoteSpawnOptions,
  ): Promise<RemoteSpawn<T>> {
    if (node === this.#node.name) {
      return this.#spawnHere(actor, behaviour, args, options);
    }
    const ref = this.#node.makeRefOf(actor);
    return new Promise((resolve, reject) => {
      this.#pending.set(ref, {
        actor,
        node,
        behaviour,
        options,
        resolve: resolve as PendingSpawn["resolve"],
        reject,
      });
      try {
        this.#node.remote.signal(node, {
          type: "spawnRequest",
          ref,
          from: actor.pid,
          groupLeader: actor.groupLeader,
          behaviour,
          args,
          flags: {
            link: options.link ?? false,
            monitor: options.monitor ?? false,
          },
        });
      } catch (error) {
        this.#pending.delete(ref);
        throw error;
      }
    });
  }

  /** As `request`, but without a reply: a failure has no effect. */
  requestOnly(
    actor: ActorRecord,
    node: string,
    behaviour: string,
    args: readonly unknown[],
  ): void {
    if (node === this.#node.name) {
      this.#spawnHere(actor, behaviour, args, {}).catch(() => {});
      return;
    }
    this.#node.remote.signal(node, {
      type: "spawnRequest",
      ref: this.#node.makeRef(),
      from: actor.pid,
      groupLeader: actor.groupLeader,
      behaviour,
      args,
      flags: { link: false, monitor: false },
    });
  }

  /** A request to this very node. */
  async #spawnHere<T>(
    actor: ActorRecord,
    name: string,
    args: readonly unknown[],
    options: RemoteSpawnOptions,
  ): Promise<RemoteSpawn<T>> {
    const made = this.#behaviourForName(name, args);
    if (typeof made === "string") {
      throw spawnError(this.#node.name, name, made);
    }
    const child = this.#node.spawnActor(made, { label: name }, actor);
    if (options.link) link(actor, child.pid);
    const ref = options.monitor ? monitor(actor, child.pid) : null;
    return await Promise.resolve({ pid: child.pid as Pid<T>, ref });
  }

  /**
   * The export of a name: those of the runtime go first. Undefined for more
   * arguments than a function may have.
   */
  #exported(
    name: string,
    args: readonly unknown[],
  ): ExportedBehaviour | undefined {
    if (args.length > MAX_ARITY) return undefined;
    const { internals, exports } = this.#node;
    return internals.get(`${name}/${args.length}`) ?? exports.get(name);
  }

  /** The behaviour for a request, or the name of the fault. */
  #behaviourForName(
    name: string,
    args: readonly unknown[],
  ): AnyBehaviour | string {
    const exported = this.#exported(name, args);
    return exported === undefined
      ? "undef"
      : this.#callExport(name, exported, args);
  }

  /** Calls an export, which returns the behaviour. */
  #callExport(
    name: string,
    exported: ExportedBehaviour,
    args: readonly unknown[],
  ): AnyBehaviour | "badarg" {
    try {
      const made: unknown = exported(...args);
      if (typeof made === "function" || made instanceof Handler) {
        return made as AnyBehaviour;
      }
      throw new TypeError(
        `expected the export "${name}" to return a behaviour, got ${typeof made}`,
      );
    } catch (error) {
      this.#node.logActor(
        "warning",
        `the export "${name}" refused a spawn request`,
        { error },
      );
      return "badarg";
    }
  }

  /**
   * The behaviour for a request of a BEAM node, which names a function. The
   * actor is always spawned; one that cannot start ends with the error that a
   * call of the function would raise. Exports without a module are in the
   * module `hornbeam`. A function that is no export is applied by the kernel,
   * which knows the offered functions.
   */
  #behaviourForCalled(called: string, args: readonly unknown[]): AnyBehaviour {
    const { exports, internals } = this.#node;
    const { module, name } = splitCalled(called);
    const exported = this.#exported(called, args) ??
      (module === "hornbeam" && args.length <= MAX_ARITY
        ? exports.get(name)
        : undefined);
    const apply = exported === undefined ? internals.get(APPLY) : undefined;
    if (apply !== undefined) return apply(atom(module), atom(name), args);
    const made = exported === undefined
      ? "undef"
      : this.#callExport(called, exported, args);
    if (typeof made !== "string") return made;
    const stack = [stackEntry(module, name, args)];
    return () => {
      throw new ExitError(new Tuple([atom(made), stack]));
    };
  }

  /** The behaviour for any request, or the name of the fault. */
  #behaviourFor(request: SpawnRequest): AnyBehaviour | string {
    const { behaviour, args } = request;
    if (request.isBadOption === true) return "badopt";
    return request.isCall === true
      ? this.#behaviourForCalled(behaviour, args)
      : this.#behaviourForName(behaviour, args);
  }

  /** Serves the request of a peer. The reply is sent before the child runs. */
  serveRequest(request: SpawnRequest): void {
    const node = this.#node;
    const { ref, from, flags } = request;
    const made = this.#behaviourFor(request);
    if (typeof made === "string") {
      node.remote.signal(from.node, {
        type: "spawnReply",
        ref,
        to: from,
        flags: { link: false, monitor: false },
        result: made,
      });
      return;
    }
    const child = this.#spawnChild(made, request);
    if (flags.link) addLink(child, from);
    if (flags.monitor) addWatcher(child, ref, from, child.pid);
    if (flags.link || flags.monitor) node.peers.involve(from.node, child);
    node.remote.signal(from.node, {
      type: "spawnReply",
      ref,
      to: from,
      flags,
      result: child.pid,
    });
  }

  /**
   * Spawns a function that a BEAM node asks for in a message, as before OTP 23.
   * The new actor makes the link.
   */
  spawnCalled(request: CalledSpawn, isLinked: boolean): Pid {
    const made = this.#behaviourForCalled(request.behaviour, request.args);
    const child = this.#spawnChild(made, request);
    if (isLinked) link(child, request.from);
    return child.pid;
  }

  /** Spawns the actor of a request, as a child of the requesting actor. */
  #spawnChild(made: AnyBehaviour, request: CalledSpawn): ActorRecord {
    const { from, behaviour, groupLeader } = request;
    const child = this.#node.spawnActor(made, { label: behaviour }, null);
    child.parent = from;
    child.groupLeader = groupLeader;
    return child;
  }

  /** A peer has replied to a request. */
  settleRequest(reply: SpawnReply): void {
    const pending = this.#pending.get(reply.ref);
    if (pending === undefined) return;
    this.#pending.delete(reply.ref);
    const { actor, node, behaviour } = pending;
    const result = reply.result;
    if (!(result instanceof Pid)) {
      pending.reject(spawnError(node, behaviour, result));
      return;
    }
    if (!actor.alive) {
      this.#cancelForParent(actor, reply, result);
      return;
    }
    const { link, monitor } = reply.flags;
    if (link) addLink(actor, result);
    if (monitor) {
      const { ref } = reply;
      const request = { ref, shown: result, extras: noExtras };
      addMonitor(actor, request, null, { node, target: result });
    }
    if (link || monitor) this.#node.peers.involve(node, actor);
    pending.resolve({
      pid: result as Pid<never>,
      ref: monitor ? reply.ref : null,
    });
  }

  /** The parent has ended before the reply: its monitor and link end too. */
  #cancelForParent(parent: ActorRecord, reply: SpawnReply, child: Pid): void {
    const { remote } = this.#node;
    if (reply.flags.monitor) {
      remote.signal(child.node, {
        type: "demonitor",
        from: parent.pid,
        target: child,
        ref: reply.ref,
      });
    }
    if (reply.flags.link) {
      remote.signal(child.node, {
        type: "linkExit",
        from: parent.pid,
        to: child,
        reason: parent.endReason,
      });
    }
  }

  /** The connection is lost, so pending requests fail. */
  peerLost(node: string): void {
    for (const [ref, pending] of [...this.#pending]) {
      if (pending.node !== node) continue;
      this.#pending.delete(ref);
      pending.reject(spawnError(node, pending.behaviour, "noconnection"));
    }
  }
}

function spawnError(
  node: string,
  behaviour: string,
  reason: string,
): SpawnError {
  const hint = reason === "undef"
    ? `${node} exports no behaviour of that name`
    : reason === "noconnection"
    ? `there is no connection to ${node}`
    : `${node} refused it`;
  return new SpawnError(
    reason,
    `expected "${behaviour}" to be spawned on ${node}, got ${reason}: ${hint}`,
  );
}
