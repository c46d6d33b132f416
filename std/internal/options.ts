/**
 * Rules for options that several modules of std take, and the tables of options
 * that they share. A table of one module stands in that module.
 */

import {
  type CallOptions,
  option,
  type OptionRule,
  OptionTable,
  type SpawnOptions,
} from "../../runtime/mod.ts";

/** A rule for each of these names. */
export type RulesFor<Names extends string> = Readonly<
  Record<Names, OptionRule>
>;

export const spawnRules: RulesFor<"name" | "trapExits" | "mailbox" | "label"> =
  {
    name: option.text,
    trapExits: option.flag,
    mailbox: option.object,
    label: option.text,
  };

/** The limits of a wait. */
export const waitRules: RulesFor<"timeoutMs" | "signal"> = {
  timeoutMs: option.timeout,
  signal: option.signal,
};

/** A local name, or `{ via, name }`. */
export const serverName: OptionRule = option.either(option.text, option.object);

export const namedStartRules: typeof spawnRules & typeof waitRules = {
  ...spawnRules,
  ...waitRules,
  name: serverName,
};

export const restartLimitRules: RulesFor<"maxRestarts" | "withinMs"> = {
  maxRestarts: option.endlessCount,
  withinMs: option.duration,
};

export const strategyRule: OptionRule = option.oneOf(
  "oneForOne",
  "oneForAll",
  "restForOne",
);

export const childRules: RulesFor<
  "restart" | "shutdown" | "type" | "significant"
> = {
  restart: option.oneOf("permanent", "transient", "temporary"),
  shutdown: option.either(option.timeout, option.oneOf("brutalKill")),
  type: option.oneOf("worker", "supervisor"),
  significant: option.flag,
};

/** Options of calls, also as limits of a client. */
export const callOptions: OptionTable<CallOptions> = new OptionTable<
  CallOptions
>(
  "call",
  waitRules,
);

/**
 * What a spawn takes of the options of a start. Most starts have no others, and
 * then it is the same object.
 */
export function spawnPart(
  options: SpawnOptions & Partial<Record<keyof typeof waitRules, unknown>>,
): SpawnOptions {
  if (!("timeoutMs" in options) && !("signal" in options)) return options;
  const { timeoutMs: _, signal: __, ...spawn } = options;
  return spawn;
}
