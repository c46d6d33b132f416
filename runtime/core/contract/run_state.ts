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
/** The actor, or nothing else of it, is in the run queue; or it is parked. */
export const QUEUED = 1;
/** Its code runs, or waits for something that is no message. */
export const RUNNING = 2;
/** It has ended; the object lives on in closures only. */
export const DEAD = 3;
/** As RUNNING, for a handler actor that must not `receive`. */
export const HANDLING = 4;
