/**
 * Looking into handler actors and holding them up, after OTP's module `sys`:
 * for debugging, tests and code that starts and stops servers.
 *
 * The target may be a handler actor of this node or a process of a BEAM node
 * that follows OTP. A function actor answers only if its code does; else the
 * functions here reject after their timeout. What they do is explained in
 * `system_requests.ts`.
 */

import type { Actor } from "./actor.ts";
import {
  CallError,
  isViaTarget,
  type NamedTarget,
  UsageError,
} from "./messages.ts";
import type { Self } from "./self.ts";
import type { ExitReason } from "./signal.ts";
import {
  call,
  type CallOptions,
  type CallTarget,
  SystemRequest,
} from "./calls.ts";
import { expectSystemRequest } from "./system_requests.ts";
import { type Atom, atom, Pid, printTerm, Tuple } from "./terms.ts";

/** The actor that asks; the messages that it accepts do not matter. */
export type AnySelf = Pick<Self, "isAlive" | "node">;

async function ask(
  self: AnySelf,
  target: CallTarget,
  request: Atom | Tuple,
  options: CallOptions,
): Promise<unknown> {
  const actor = self as Actor & AnySelf;
  if (!actor.isAlive) {
    throw new UsageError(
      `expected a living actor to ask, but ${actor.pid} has ended`,
    );
  }
  return await call(actor, target, request, options, (from) => {
    expectAt(actor, target);
    return new SystemRequest(from, request);
  });
}

/** What is asked of a local actor must be noticed by it. */
function expectAt(actor: Actor, target: CallTarget): void {
  const { owner } = actor;
  if (isViaTarget(target)) {
    const pid = target.via.find(owner, target.name);
    if (pid !== null) expectSystemRequest(owner.localActor(pid));
    return;
  }
  if (target instanceof Pid) {
    expectSystemRequest(owner.localActor(target as Pid));
    return;
  }
  const { name, node }: NamedTarget = typeof target === "string"
    ? { name: target, node: owner.name }
    : target as NamedTarget;
  if (node === owner.name) expectSystemRequest(owner.names.holder(name));
}

/** An answer `{error, Reason}` is a failure, as OTP reads it too. */
function valueOf(
  answer: unknown,
  target: CallTarget,
  request: unknown,
): unknown {
  const items = answer instanceof Tuple ? answer.items : [];
  if (items.length !== 2 || items[0] !== atom("error")) return answer;
  throw new CallError(printTerm(target), request, items[1]);
}

/**
 * The present state of a handler actor, once it has handled what was in its
 * mailbox. Rejects with a `CallError`, as `self.call` does.
 *
 * @example
 * ```ts
 * import { handler, start, sys } from "hornbeam";
 *
 * await using node = await start();
 * const counter = node.spawn(handler(0, (total, n: number) => total + n));
 * node.send(counter, 2);
 * node.send(counter, 3);
 * console.log(await node.run((self) => sys.getState(self, counter)));
 * // prints: 5
 * ```
 */
async function getState(
  self: AnySelf,
  target: CallTarget,
  options: CallOptions = {},
): Promise<unknown> {
  const request = atom("get_state");
  return valueOf(await ask(self, target, request, options), target, request);
}

/**
 * Puts what `change` makes of the state in its place and resolves with it. Only
 * on this node. Rejects with a `CallError` when `change` throws; then the state
 * is as it was.
 */
async function replaceState(
  self: AnySelf,
  target: CallTarget,
  change: (state: never) => unknown,
  options: CallOptions = {},
): Promise<unknown> {
  const request = new Tuple([atom("replace_state"), change]);
  return valueOf(await ask(self, target, request, options), target, request);
}

/** The tuple `{status, Pid, {module, M}, Items}` that OTP's tools expect. */
function getStatus(
  self: AnySelf,
  target: CallTarget,
  options: CallOptions = {},
): Promise<unknown> {
  return ask(self, target, atom("get_status"), options);
}

/**
 * From now on the target handles nothing but system requests, until `resume`;
 * its messages wait in its mailbox.
 */
async function suspend(
  self: AnySelf,
  target: CallTarget,
  options: CallOptions = {},
): Promise<void> {
  await ask(self, target, atom("suspend"), options);
}

/** Ends what `suspend` has begun. */
async function resume(
  self: AnySelf,
  target: CallTarget,
  options: CallOptions = {},
): Promise<void> {
  await ask(self, target, atom("resume"), options);
}

/** Ends the target with a reason, once it has handled what came before. */
async function terminate(
  self: AnySelf,
  target: CallTarget,
  reason: ExitReason,
  options: CallOptions = {},
): Promise<void> {
  const request = new Tuple([atom("terminate"), reason]);
  await ask(self, target, request, options);
}

/** See the functions. They wait, so a function actor must call them. */
export const sys: {
  readonly getState: typeof getState;
  readonly replaceState: typeof replaceState;
  readonly getStatus: typeof getStatus;
  readonly suspend: typeof suspend;
  readonly resume: typeof resume;
  readonly terminate: typeof terminate;
} = { getState, replaceState, getStatus, suspend, resume, terminate };
