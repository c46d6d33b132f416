/**
 * What the state machine of `global` needs from the node around it. The port
 * calls back later, in a turn of its own, and never within the call that asks
 * for it.
 */

import type { ReplyTo } from "../../../core/messages/requests.ts";
import type { LogLevel } from "../../../core/host/ports.ts";
import type { Pid } from "../../../core/terms/terms.ts";
import type { NameEntry } from "../protocol/terms.ts";

/** Takes back a timer, a monitor or a call; has no effect once that is over. */
export type Undo = () => void;

/** Receives the answer to a call, or null when no answer will come. */
export type Answered = (answer: { readonly value: unknown } | null) => void;

export interface GlobalPort {
  readonly node: string;
  readonly creation: number;
  /** The server itself. */
  readonly pid: Pid;
  /** Visible connected nodes. */
  nodes(): readonly string[];
  /** Whether there is a connection, visible or not. */
  isUp(node: string): boolean;
  /** A cast to the server of a node. */
  cast(node: string, request: unknown): void;
  /** A plain message to the server of a node. */
  send(node: string, message: unknown): void;
  /** A message to any actor or process. */
  tell(pid: Pid, message: unknown): void;
  /**
   * A call to the server of a node, with `holder` as its sender. `answered`
   * receives the value, unless the call has been taken back.
   */
  call(
    node: string,
    holder: Pid,
    request: unknown,
    answered: (value: unknown) => void,
  ): Undo;
  /** A call whose answer is ignored. */
  post(node: string, holder: Pid, request: unknown): void;
  reply(to: ReplyTo, value: unknown): void;
  /**
   * Monitors the server of a node, and connects to the node if there is no
   * connection. Calls back once, when the server or the node is gone.
   */
  monitorServer(node: string, gone: (reason: unknown) => void): Undo;
  monitorPid(pid: Pid, gone: () => void): Undo;
  timer(ms: number, fire: () => void): Undo;
  disconnect(node: string): void;
  /** A random number from 0 to `count` - 1. */
  random(count: number): number;
  /**
   * Has the resolver of `ours` decide between that entry and another pid under
   * the same name. The answer is null when the resolver cannot be run.
   */
  resolve(ours: NameEntry, theirs: Pid, decided: Answered): void;
  log(level: LogLevel, message: string): void;
}
