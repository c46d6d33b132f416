/**
 * What the options of `Self` and of handlers take; `messages/options.ts` checks
 * them. The types say what each option does.
 */

import type { MailboxOptions } from "../mailbox/options.ts";
import { isPattern, type Pattern } from "../mailbox/patterns.ts";
import { option, OptionTable } from "../messages/options.ts";
import { UsageError } from "../messages/errors.ts";
import { printTerm } from "../terms/terms.ts";
import { Handler } from "./behaviour.ts";
import type {
  CallOptions,
  MonitorOptions,
  ReceiveOptions,
  RemoteSpawnOptions,
  SpawnOptions,
  TrySendOptions,
} from "./self.ts";

export const mailboxOptions: OptionTable<MailboxOptions> = new OptionTable<
  MailboxOptions
>(
  "mailbox",
  {
    limit: option.endlessAmount,
    policy: option.oneOf("refuse", "kill", "dropNewest", "dropOldest"),
    warnAt: option.endlessAmount,
  },
);

export const spawnOptions: OptionTable<SpawnOptions> = new OptionTable<
  SpawnOptions
>(
  "spawn",
  {
    name: option.text,
    trapExits: option.flag,
    mailbox: option.object,
    label: option.text,
  },
);

/** One object for all spawns: a new one for each costs measurable time. */
export const noOptions: SpawnOptions = {};

/** Checks what a spawn is given. Throws `UsageError`. */
export function checkSpawn<T extends SpawnOptions>(
  behaviour: unknown,
  options: T,
  table: OptionTable<T>,
): void {
  if (typeof behaviour !== "function" && !(behaviour instanceof Handler)) {
    throw new UsageError(
      `expected ${table.place} to be given a function or a handler, got ` +
        printTerm(behaviour),
    );
  }
  if (options !== noOptions) table.check(options);
}

/** Checks what `RunningNode.run` is given. Throws `UsageError`. */
export function checkRun(body: unknown, options: SpawnOptions): void {
  if (typeof body !== "function") {
    throw new UsageError(
      `expected run to be given a function, got ${printTerm(body)}`,
    );
  }
  if (options !== noOptions) spawnOptions.check(options, "run");
}

export const readySpawnOptions: OptionTable<
  SpawnOptions & { readonly link?: boolean }
> = new OptionTable<
  SpawnOptions & { readonly link?: boolean }
>("spawnReady", {
  name: option.text,
  trapExits: option.flag,
  mailbox: option.object,
  label: option.text,
  link: option.flag,
});

export const remoteSpawnOptions: OptionTable<RemoteSpawnOptions> =
  new OptionTable<RemoteSpawnOptions>(
    "spawnOn",
    { link: option.flag, monitor: option.flag },
  );

export const callOptions: OptionTable<CallOptions> = new OptionTable<
  CallOptions
>("call", {
  timeoutMs: option.timeout,
  signal: option.signal,
});

/**
 * As `callOptions.check`. A time limit alone is what most callers give, and
 * counting the names costs a fifth of looking each up.
 */
export function checkWait(
  options: CallOptions | ReceiveOptions,
  table: OptionTable<CallOptions>,
  place: string = table.place,
): void {
  const { timeoutMs } = options;
  let unknown = typeof timeoutMs === "number" && timeoutMs >= 0 ? -1 : 0;
  for (const _ in options) unknown++;
  if (unknown !== 0) table.check(options, place);
}

export const receiveOptions: OptionTable<ReceiveOptions> = new OptionTable<
  ReceiveOptions
>(
  "receive",
  {
    timeoutMs: option.timeout,
    signal: option.signal,
  },
);

/** The options among the arguments of `receive`. Throws `UsageError`. */
export function optionsOfReceive(
  first: Pattern | ReceiveOptions | undefined,
  second: ReceiveOptions | undefined,
): ReceiveOptions {
  if (first === undefined || isPattern(first)) {
    if (second === undefined) return {};
    checkWait(second, receiveOptions);
    return second;
  }
  if (second !== undefined) {
    throw new UsageError(
      "expected receive to be given a type, a function, a ref or a schema " +
        `before its options, got ${printTerm(first)}`,
    );
  }
  checkWait(first, receiveOptions);
  return first;
}

export const trySendOptions: OptionTable<TrySendOptions> = new OptionTable<
  TrySendOptions
>(
  "trySend",
  {
    noConnect: option.flag,
    noSuspend: option.flag,
  },
);

export const monitorOptions: OptionTable<MonitorOptions> = new OptionTable<
  MonitorOptions
>(
  "monitor",
  {
    tag: option.any,
    alias: option.oneOf("explicit", "demonitor", "replyDemonitor"),
  },
);

export const aliasOptions: OptionTable<{ readonly once?: boolean }> =
  new OptionTable<{ readonly once?: boolean }>(
    "alias",
    { once: option.flag },
  );

export const demonitorOptions: OptionTable<{ readonly flush?: boolean }> =
  new OptionTable<{ readonly flush?: boolean }>(
    "demonitor",
    { flush: option.flag },
  );

export const listenOptions: OptionTable<
  { readonly signal?: AbortSignal }
> = new OptionTable<
  { readonly signal?: AbortSignal }
>("onNodeEvent", { signal: option.signal });
