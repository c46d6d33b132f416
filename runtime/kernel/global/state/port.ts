/**
 * What the state machine of `global` needs from the node around it. Everything
 * comes back as a later call of the machine or of a function given here, and
 * never within the call that asks for it.
 */

import type { ReplyTo } from "../../../core/messages/requests.ts";
import type { LogLevel } from "../../../core/host/ports.ts";
import type { Pid } from "../../../core/terms/terms.ts";
import type { NameEntry } from "../protocol/terms.ts";

/** Undoes what it was given for; harmless when that is over. */
export type Undo = () => void;

/** Told the answer to a call, or null when there will be none. */
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
  /** A message to anybody. */
  tell(pid: Pid, message: unknown): void;
  /**
   * A call of the server of a node, in the name of `holder`. `answered` is
   * given the value, unless the call has been taken back.
   */
  call(
    node: string,
    holder: Pid,
    request: unknown,
    answered: (value: unknown) => void,
  ): Undo;
  /** A call whose answer nobody wants. */
  post(node: string, holder: Pid, request: unknown): void;
  reply(to: ReplyTo, value: unknown): void;
  /** Connects if need be, and calls back once when the server is gone. */
  monitorServer(node: string, gone: (reason: unknown) => void): Undo;
  monitorPid(pid: Pid, gone: () => void): Undo;
  timer(ms: number, fire: () => void): Undo;
  disconnect(node: string): void;
  /** From 0 to `count` - 1. */
  random(count: number): number;
  /**
   * Has the method of `ours` decide between it and another pid under the same
   * name; null when that cannot be done.
   */
  resolve(ours: NameEntry, theirs: Pid, decided: Answered): void;
  log(level: LogLevel, message: string): void;
}
