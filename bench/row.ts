/**
 * What a benchmark is: a row with an id, a unit and a way to run.
 *
 * A group of rows is one file that exports a list of them (`local/local.ts`);
 * `suites.ts` joins the groups. The runner knows nothing of what a row does,
 * and a row nothing of processes, repeats, tables or the BEAM beside it.
 */

/** Figures besides the rate, with units in their names: `latencyUsP50`. */
export type Extra = Readonly<Record<string, number>>;

/** What one timed part gave. */
export type Figures = {
  /** In the row's unit. */
  readonly rate: number;
  /** Steps of the timed part, as `TimedPart.run` was told. */
  readonly count: number;
  readonly elapsedMs: number;
  /** Longest pause of a 5 ms interval timer; see `TimerGap`. */
  readonly timerGapMs: number;
  readonly extra: Extra;
};

/** How long the parts of one run take. */
export type Plan = {
  /** Runs that are not timed go on until two in a row take this long. */
  readonly warmupMs: number;
  /** The timed part has as many steps as are expected to take this long. */
  readonly timedMs: number;
  /** What rows have a fixed size of is divided by it: 1, and more in tests. */
  readonly sizeDivisor: number;
};

/** Watches the timers of one thread while the timed part runs. */
export interface GapMeter {
  /** Resolves when it is watching. */
  begin(): Promise<void>;
  /** Ends the watch; resolves with the longest gap in milliseconds. */
  end(): Promise<number>;
}

/** What is measured, and within which bounds. */
export type TimedPart = {
  /** Never more steps than this, however fast they are: it bounds memory. */
  readonly maxCount: number;
  /**
   * As many steps has the timed part, however long they take; `maxCount` is
   * for the warm-up alone then.
   */
  readonly exactCount?: number;
  /** Steps of the first run of the warm-up; as many as make 100 units. */
  readonly firstCount?: number;
  /** Units (messages, hops) in a step; 1 unless told. */
  readonly unitsPerCount?: number;
  /** Meters of other threads or processes that take part. */
  readonly meters?: readonly GapMeter[];
  /** Adds the figure `gcShare` where the runtime tells; see `GcShare`. */
  readonly showsGc?: boolean;
  /** Called once between the warm-up and the timed part. */
  readonly before?: () => Promise<void>;
  /** Does that many steps and resolves when the last one is done. */
  readonly run: (count: number) => Promise<void>;
  /** Called once after the timed part, for figures of the row's own. */
  readonly extra?: () => Extra | Promise<Extra>;
};

/** A second process of the same runtime that takes part in a row. */
export interface Partner extends GapMeter {
  /** What the row's `partner` said when it was ready. */
  readonly hello: Readonly<Record<string, unknown>>;
  /** Stops its process as `SIGSTOP` does, until it is to end. */
  freeze(): void;
  /** Kills its process; resolves when it has ended. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** An `erl` that takes part in a row. */
export type ErlangPartner = Pick<Partner, "stop">;

/** What a row is given to run with, in its own process. */
export interface Bench {
  /**
   * Warm-up, then the timed part. A row that compares calls it for what it
   * compares with as well.
   */
  measure(part: TimedPart): Promise<Figures>;
  /** A size of the row's own, such as the length of a mailbox. */
  size(full: number): number;
  /**
   * Starts the row's `partner` in a process of its own; a row may start
   * several. `argument` is plain data for it.
   */
  startPartner(argument?: PartnerArgument): Promise<Partner>;
  /** Starts the row's `erlangPartner`, an `erl` with these flags besides. */
  startErlangPartner(flags: readonly string[]): Promise<ErlangPartner>;
}

/** What a partner is told: plain data. */
export type PartnerArgument = Readonly<Record<string, unknown>>;

/** The other half of a row, in the partner's process. */
export type PartnerHalf = {
  /** Plain data that the first half needs to find this one. */
  readonly hello: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
};

/** The same shape in Erlang, for `--vs beam`. */
export type ErlangPeer = {
  /**
   * The source, beside the group's file; its module has the file's name and
   * exports `run(Name, Plan)`, where `Name` is the row's id behind the slash.
   */
  readonly source: URL;
  /** Another `Name`, for a shape that several rows compare with. */
  readonly name?: string;
  /** Whether it needs a node with a name, hence an epmd. */
  readonly distributed: boolean;
  /** Flags of the emulator that the row cannot do without. */
  readonly flags?: readonly string[];
};

/** What runs in a measured process, and in its partners. */
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
