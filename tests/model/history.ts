/**
 * What a run did and saw, as plain data in one order of time.
 *
 * All nodes of a run share a thread, so there is one sequence of events. An
 * event's place in it is its time. Actors, monitors, messages and spawns are
 * numbers, exit reasons are strings: `:name` for atoms, else the term as text.
 */

export type ActorId = number;
export type Reason = string;

/** The receiver of something: an actor, or the holder of a name on a node. */
export type Target = ActorId | { readonly name: string; readonly node: string };

/** What an actor did. Written before it is done; results are added after. */
type Deed =
  | { is: "spawn"; spawn: number; node: string; link: boolean }
  | { is: "spawned"; spawn: number; child: ActorId; ref: number | null }
  | { is: "unspawned"; spawn: number; reason: string }
  | { is: "link"; peer: ActorId; k: number }
  | { is: "unlink"; peer: ActorId }
  | { is: "monitor"; ref: number; target: Target }
  | { is: "demonitor"; ref: number; flush: boolean; wasActive: boolean }
  | { is: "trap"; on: boolean }
  | { is: "exit"; reason: Reason }
  | { is: "sendExit"; to: ActorId; reason: Reason; k: number }
  | {
    is: "send";
    id: number;
    to: Target;
    k: number;
    isLate: boolean;
    /** The alias it is sent under, if any; `to` is whose it is. */
    alias: number | null;
  }
  | { is: "alias"; ref: number; isOnce: boolean }
  | { is: "unalias"; ref: number; wasActive: boolean }
  | { is: "call"; call: number; to: Target; k: number }
  | { is: "answer"; call: number; by: ActorId; of: number }
  | { is: "uncall"; call: number; reason: Reason }
  | { is: "register"; name: string; of: ActorId; isDone: boolean }
  | { is: "unregister"; name: string; isDone: boolean }
  | { is: "whereis"; name: string; found: ActorId | null }
  | { is: "timer"; ref: number; to: ActorId; dueMs: number }
  | { is: "cancel"; ref: number; nowMs: number; wasActive: boolean };

/** What an actor took out of its mailbox. */
type Receipt =
  | {
    is: "data";
    id: number;
    from: ActorId;
    k: number;
    /** Taken by a pattern, so perhaps before older messages. */
    isSelective: boolean;
  }
  | { is: "called"; call: number; from: ActorId; k: number }
  | { is: "down"; ref: number; target: Target; reason: Reason }
  | { is: "exited"; from: ActorId; reason: Reason }
  | { is: "timeout"; ref: number; nowMs: number }
  | { is: "strange"; what: string };

/** What became of nodes and connections. */
type Incident =
  | {
    is: "born";
    actor: ActorId;
    node: string;
    trap: boolean;
    /** The spawn it came from; null for the first actors. */
    spawn: number | null;
  }
  | { is: "ended"; actor: ActorId; reason: Reason }
  /** The node is gone with all its actors, unseen (crash) or seen (stop). */
  | { is: "crash" | "stop"; node: string }
  /** Something that may lose what is on its way between the two. */
  | { is: "fault"; a: string; b: string }
  | { is: "nodedown"; node: string; peer: string }
  /** Nothing was on its way and nothing was held up. */
  | { is: "quiet" }
  /** What an actor's tables hold, at the end. */
  | {
    is: "tables";
    actor: ActorId;
    links: readonly ActorId[];
    monitors: readonly number[];
    watchers: readonly number[];
  }
  /** All faults are over and all is quiet; what follows is the taking down. */
  | { is: "final"; nowMs: number };

export type Doing = { actor: ActorId } & (Deed | Receipt);
export type Event = Doing | Incident;
export type EventOf<K extends Event["is"]> = Extract<Event, { is: K }>;

/** One line per event, for reports. */
export function printEvent(event: Event, at: number): string {
  const { is, ...rest } = event;
  return `${String(at).padStart(5)} ${is} ${JSON.stringify(rest)}`;
}
