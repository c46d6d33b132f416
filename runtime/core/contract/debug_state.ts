/** Traces and statistics of a handler actor; see `sys/debugging.ts`. */

/** A message that an observed actor has taken, or a reply that it has sent. */
export type SystemEvent =
  | { readonly type: "in"; readonly message: unknown }
  | { readonly type: "out"; readonly message: unknown; readonly to: unknown };

/**
 * Is called with each event and with what it returned for the event before. It
 * is removed when it returns `done`, or throws.
 */
export type DebugFunction<S = unknown> = (
  state: S,
  event: SystemEvent,
  actor: string,
) => unknown;

/** A debug function and its last result. */
type Installed = { readonly call: DebugFunction; state: unknown };

/** The traces and statistics that are on for one actor. */
export class DebugState {
  statistics: {
    readonly startTime: number;
    readonly reductions: number;
    in: number;
    out: number;
  } | null = null;
  isTraced = false;
  /** Most events kept; 0 when there is no log. */
  logLimit = 0;
  log: SystemEvent[] = [];
  /** By `termKey` of the identifier, or the function itself. */
  readonly functions: Map<unknown, Installed> = new Map();

  get isOff(): boolean {
    return this.statistics === null && !this.isTraced && this.logLimit === 0 &&
      this.functions.size === 0;
  }
}
