/**
 * Handler actors outside the fast path: their start, and the turns of a handler
 * that may return promises.
 *
 * While such a promise is pending, the actor is RUNNING, like a function actor
 * whose code awaits: messages stay in its mailbox, and `receive` and `call`
 * work.
 */

import type { ActorRecord } from "../contract/record.ts";
import { TURN_GOES_ON } from "../host/scheduler.ts";
import { HANDLING, RUNNING } from "../contract/run_state.ts";
import { crashActor, endActor } from "../signals/exits.ts";
import { type Handler, Stop } from "../contract/behaviour.ts";
import { UsageError } from "../messages/errors.ts";

/** The first turn: calls `init`, which makes the first state. */
export function startHandler(actor: ActorRecord): number {
  const { init, mayWait } = actor.behaviour as Handler;
  actor.state = mayWait ? RUNNING : HANDLING;
  try {
    const state = init(actor as never);
    if (state instanceof Promise) {
      if (!mayWait) refusePromise(state);
      goOnAfter(actor, state);
      actor.turn = TURN_GOES_ON;
      return 1;
    }
    // If `init` has ended the actor, the field holds the exit reason.
    if (!actor.alive || !takeState(actor, state)) return 1;
  } catch (error) {
    crashActor(actor, error);
    return 1;
  }
  actor.endTurn();
  return 1;
}

/** One turn. Returns as `Runnable.run` does. */
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
      // Most servers keep their state; this saves them the checks below.
      if (next === state && actor.state === RUNNING) continue;
      if (next instanceof Promise) {
        goOnAfter(actor, next);
        actor.reductions += taken;
        actor.turn = TURN_GOES_ON;
        return taken;
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

/** Takes the next message once the promise is settled. */
export function goOnAfter(actor: ActorRecord, promise: Promise<unknown>): void {
  promise.then((state) => {
    if (!actor.alive) return;
    if (!takeState(actor, state)) return;
    actor.endTurn();
    actor.owner.scheduler.handOver(actor);
  }).catch((error: unknown) => crashActor(actor, error));
}

/** Stores the state. Returns false when the actor has ended. */
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

/** Throws, and ignores a rejection of the promise itself. */
export function refusePromise(promise: Promise<unknown>): never {
  promise.catch(() => {});
  throw new UsageError(
    "expected the handler to return the next state, got a promise; " +
      "a handler is synchronous: use asyncHandler or a function actor to await",
  );
}
