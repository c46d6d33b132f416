/**
 * The run states of an actor, one at a time, and the transitions between them.
 * The functions that make them are in `actor/actor.ts`, if no file is named.
 *
 * ```text
 *  spawn    (none)            -> QUEUED             the initial value
 *  wake     IDLE              -> QUEUED             deliver, #armReceive
 *  start    QUEUED            -> RUNNING, HANDLING  #start, and startHandler in
 *                                                   waiting_handler.ts
 *  handle   QUEUED            -> HANDLING           #runHandler
 *           QUEUED            -> RUNNING            runWaitingHandler in
 *                                                   waiting_handler.ts
 *  resume   QUEUED            -> RUNNING            #resume, by #endReceive
 *  abort    IDLE, QUEUED      -> RUNNING            #abortable, by #endReceive
 *  wait     RUNNING           -> IDLE, QUEUED       receive, #receiveSelective
 *  end turn HANDLING, RUNNING -> IDLE, QUEUED       endTurn
 *  no match QUEUED            -> IDLE               #resume
 *  suspend  QUEUED            -> IDLE               run, for a system request
 *  stop     QUEUED            -> RUNNING            terminate in
 *                                                   sys/system_requests.ts
 *  end      any but DEAD      -> DEAD               markDead
 * ```
 *
 * While QUEUED, the actor is in the run queue or parked, or is about to get its
 * first turn from its starter. An actor that leaves QUEUED without a turn (abort,
 * end) stays in the run queue. `run` does nothing when it is not QUEUED.
 */

/** Nothing to do: the mailbox holds no message that the actor waits for. */
export const IDLE = 0;
/** Its turn is due. */
export const QUEUED = 1;
/** Its code runs, or awaits a promise that is not of a message. */
export const RUNNING = 2;
/** It has ended; only closures still refer to the object. */
export const DEAD = 3;
/** As RUNNING, for a handler actor that must not `receive`. */
export const HANDLING = 4;
