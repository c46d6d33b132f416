/**
 * Handler actors beyond the fast path: how they start, and the turn of one
 * whose handler may return promises.
 *
 * While a promise is out the actor is RUNNING, as a function actor is whose
 * code awaits: messages stay in its mailbox, and `receive` and `call` work.
 */

import type { ActorRecord } from "../contract/record.ts";
import { HANDLING, RUNNING } from "../contract/run_state.ts";
import { crashActor, endActor } from "../signals/exits.ts";
import { type Handler, Stop } from "../contract/behaviour.ts";
import { UsageError } from "../messages/errors.ts";

/** The first turn, which makes the first state. */
export function startHandler(actor: ActorRecord): number {
  const { init, mayWait } = actor.behaviour as Handler;
  actor.state = mayWait ? RUNNING : HANDLING;
  try {
    const state = init(actor as never);
    if (state instanceof Promise) {
      if (!mayWait) refusePromise(state);
      goOnAfter(actor, state);
      return -1;
    }
    // It may have ended itself, and then the field has the reason.
    if (!actor.alive || !takeState(actor, state)) return 1;
  } catch (error) {
    crashActor(actor, error);
    return 1;
  }
  actor.endTurn();
  return 1;
}

/** One turn. Negative when it goes on in a microtask, as `Runnable` says. */
export function runWaitingHandler(actor: ActorRecord, budget: number): number {
  const { mailbox } = actor;
  const { handle } = actor.behaviour as Handler;
  let taken = 0;
  actor.state = RUNNING;
  actor.turnLeft = budget;
  try {
    while (mailbox.length > 0 && actor.turnLeft > 0) {
      actor.turnLeft--;
      taken++;
      const state = actor.handlerState;
      const next = handle(state, mailbox.shift(), actor);
      // Most servers keep their state, and this spares them the questions.
      if (next === state && actor.state === RUNNING) continue;
      if (next instanceof Promise) {
        goOnAfter(actor, next);
        actor.reductions += taken;
        return -1;
      }
      if (!actor.alive) return taken;
      if (!takeState(actor, next)) return taken;
    }
  } catch (error) {
    crashActor(actor, error);
    return taken;
  }
  actor.endTurn();
  actor.reductions += taken;
  return Math.max(taken, budget - actor.turnLeft);
}

/** Once the promise settles, the next message is due. */
export function goOnAfter(actor: ActorRecord, promise: Promise<unknown>): void {
  promise.then((state) => {
    if (!actor.alive) return;
    if (!takeState(actor, state)) return;
    actor.endTurn();
    actor.owner.scheduler.handOver(actor);
  }).catch((error: unknown) => crashActor(actor, error));
}

/** Returns false when that has ended the actor. */
function takeState(actor: ActorRecord, state: unknown): boolean {
  if (state instanceof Stop) {
    endActor(actor, state.reason);
    return false;
  }
  if (actor.resolveReceive !== null) {
    throw new UsageError(
      "expected the handler to await what it receives, got its return while " +
        "a receive is pending",
    );
  }
  actor.handlerState = state;
  return true;
}

/** Throws; and the promise's own failure is nobody's business any more. */
export function refusePromise(promise: Promise<unknown>): never {
  promise.catch(() => {});
  throw new UsageError(
    "expected the handler to return the next state, got a promise; " +
      "a handler is synchronous: use asyncHandler or a function actor to await",
  );
}
