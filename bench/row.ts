/**
 * The types of a benchmark: a row has an id, a unit and a function to run.
 *
 * A suite is a file that exports a list of rows (`local/local.ts`); `suites.ts`
 * joins the suites. The runner does not know what a row does, and a row does
 * not know of processes, repeats, tables or the BEAM that it is compared with.
 */

/** Further figures, with units in their names: `latencyUsP50`. */
export type Extra = Readonly<Record<string, number>>;

/** The figures of one timed part. */
export type Figures = {
  /** In the row's unit. */
  readonly rate: number;
  /** Steps of the timed part, which is the argument of `TimedPart.run`. */
  readonly count: number;
  readonly elapsedMs: number;
  /** Longest pause of a 5 ms interval timer; see `TimerGap`. */
  readonly timerGapMs: number;
  readonly extra: Extra;
};

/** The durations and sizes of one run. */
export type Plan = {
  /** The warm-up ends when two runs in a row take this long. */
  readonly warmupMs: number;
  /** The timed part has as many steps as are expected to take this long. */
  readonly timedMs: number;
  /** Fixed sizes of rows are divided by it: 1, and more in tests. */
  readonly sizeDivisor: number;
};

/** Measures gaps between timers of one thread while the timed part runs. */
export interface GapMeter {
  /** Resolves when the measurement has started. */
  begin(): Promise<void>;
  /** Ends it; resolves with the longest gap in milliseconds. */
  end(): Promise<number>;
}

/** The code that is measured, and its bounds. */
export type TimedPart = {
  /** The highest number of steps, however fast they are: it bounds memory. */
  readonly maxCount: number;
  /**
   * The number of steps of the timed part, however long they take. Then
   * `maxCount` is for the warm-up only.
   */
  readonly exactCount?: number;
  /** Steps of the first run of the warm-up. Default: those of 100 units. */
  readonly firstCount?: number;
  /** Units (messages, hops) in a step. Default 1. */
  readonly unitsPerCount?: number;
  /** Meters of other threads or processes that take part. */
  readonly meters?: readonly GapMeter[];
  /** Adds the figure `gcShare` where the runtime has it; see `GcShare`. */
  readonly showsGc?: boolean;
  /** Called once between the warm-up and the timed part. */
  readonly before?: () => Promise<void>;
  /** Does `count` steps, and resolves when the last one is done. */
  readonly run: (count: number) => Promise<void>;
  /** Called once after the timed part, for figures of the row's own. */
  readonly extra?: () => Extra | Promise<Extra>;
};

/** A second process of the same runtime that takes part in a row. */
export interface Partner extends GapMeter {
  /** The `hello` of the row's `partner`. */
  readonly hello: Readonly<Record<string, unknown>>;
  /** Stops its process by `SIGSTOP`, until `stop` or `kill`. */
  freeze(): void;
  /** Kills its process; resolves when it has ended. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** An `erl` that takes part in a row. */
export type ErlangPartner = Pick<Partner, "stop">;

/** The services for a row, in its own process. */
export interface Bench {
  /**
   * Runs the warm-up and then the timed part. A row that compares two cases
   * calls it for each.
   */
  measure(part: TimedPart): Promise<Figures>;
  /** Scales a fixed size of the row, such as the length of a mailbox. */
  size(full: number): number;
  /**
   * Starts the row's `partner` in a process of its own, and passes `argument`
   * to it. A row may start several partners.
   */
  startPartner(argument?: PartnerArgument): Promise<Partner>;
  /** Starts the row's `erlangPartner`, an `erl` with these flags besides. */
  startErlangPartner(flags: readonly string[]): Promise<ErlangPartner>;
}

/** The argument of a partner: plain data. */
export type PartnerArgument = Readonly<Record<string, unknown>>;

/** The other half of a row, in the partner's process. */
export type PartnerHalf = {
  /** Plain data for the first half, such as a port. */
  readonly hello: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
};

/** The same row in Erlang, for `--vs beam`. */
export type ErlangPeer = {
  /**
   * The source, beside the suite's file. Its module has the file's name and
   * exports `run(Name, Plan)`. `Name` is the part of the row's id after the
   * slash.
   */
  readonly source: URL;
  /** Another `Name`, when several rows compare with the same one. */
  readonly name?: string;
  /** Whether it needs a node with a name, and so an epmd. */
  readonly distributed: boolean;
  /** Flags of the emulator that the row needs. */
  readonly flags?: readonly string[];
};

/** The code of a measured process, and of its partners. */
export type Program = {
  readonly run: (bench: Bench) => Promise<Figures>;
  readonly partner?: (argument: PartnerArgument) => Promise<PartnerHalf>;
};

/**
 * The bare primitive of the platform that a row compares with for `--vs raw`:
 * `raw` is what a careful user would write without Hornbeam. Where there are
 * two ways to do that, `raw-batched` is the one with many messages at a time.
 */
export type RawName = "raw" | "raw-batched";

/** What a row can be compared with. */
export type PeerName = "beam" | RawName;

/** One benchmark. */
export type Row = Program & {
  /** `suite/name` */
  readonly id: string;
  /** What the rate counts, per second: `messages/s`. More is better. */
  readonly unit: string;
  /** One sentence about the shape. */
  readonly what: string;
  /**
   * An Erlang source whose module exports `partner()`: that prints
   * `{"hello":{}}` when it is ready and ends when its standard input does. The
   * row is left out where Erlang is missing.
   */
  readonly erlangPartner?: URL;
  readonly peer?: ErlangPeer;
  readonly raw?: Readonly<Partial<Record<RawName, Program>>>;
};
