/**
 * The run states of an actor, one at a time; `actor/actor.ts` makes the
 * transitions.
 *
 * ```text
 * IDLE     --message or timer-->        QUEUED
 * QUEUED   --turn of a function-->      RUNNING
 * QUEUED   --turn of a handler-->       HANDLING, or RUNNING if it may wait
 * RUNNING  --receive, mailbox empty-->  IDLE
 * RUNNING  --receive, turn used up-->   QUEUED
 * HANDLING --end of the turn-->         IDLE or QUEUED
 * any      --exit, crash, exit signal-> DEAD
 * ```
 */

/** Nothing to do: the mailbox holds no message that the actor waits for. */
export const IDLE = 0;
/** The actor is in the run queue once, or it is parked. */
export const QUEUED = 1;
/** Its code runs, or awaits a promise that is not of a message. */
export const RUNNING = 2;
/** It has ended; only closures still refer to the object. */
export const DEAD = 3;
/** As RUNNING, for a handler actor that must not `receive`. */
export const HANDLING = 4;
