/**
 * The second process of a row: its start from the first process, and its main
 * loop.
 *
 * They communicate in lines. The partner writes `{"hello": ...}` when it is
 * ready. It gets `begin` and `end` for its timer gap, and answers each with a
 * line of JSON. It ends when its standard input ends, so it never outlives the
 * first process. An `erl` as partner has no timer gap and gets no such lines.
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ErlangPartner, Partner, PartnerHalf } from "../row.ts";
import { TimerGap } from "./timer_gap.ts";

const START_TIMEOUT_MS = 20_000;

/** Starts `args` with this process's own runtime, as the partner of a row. */
export async function startPartner(args: readonly string[]): Promise<Partner> {
  const { hello, ask, freeze, kill, stop } = await startSecond(
    process.execPath,
    args,
  );
  return {
    hello,
    freeze,
    kill,
    stop,
    begin: async () => {
      await ask("begin");
    },
    end: async () => Number((await ask("end"))["timerGapMs"]),
  };
}

/** Starts an `erl` that compiles a row's `erlangPartner` and runs it. */
export async function startErlangPartner(
  source: URL,
  flags: readonly string[],
): Promise<ErlangPartner> {
  const path = JSON.stringify(fileURLToPath(source));
  const { stop } = await startSecond("erl", [
    // Without the user's own .erlang file.
    ...["-noshell", "-boot", "no_dot_erlang", ...flags, "-eval"],
    `{ok, M, B} = compile:file(${path}, [binary, report]), ` +
    `{module, M} = code:load_binary(M, ${path}, B), M:partner().`,
  ]);
  return { stop };
}

type Line = Record<string, unknown>;

/** A second process that has said hello. */
type Second = {
  readonly hello: Line;
  readonly ask: (line: string) => Promise<Line>;
  readonly freeze: () => void;
  readonly kill: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

async function startSecond(
  command: string,
  args: readonly string[],
): Promise<Second> {
  const child = spawn(command, [...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      reject(
        new Error(`the partner ended early: code ${code}, signal ${signal}`),
      ));
  });
  // It may end while no line is awaited.
  ended.catch(() => {});
  const lines = createInterface({ input: child.stdout })[
    Symbol.asyncIterator
  ]();
  const next = async (): Promise<Line> => {
    const line = await Promise.race([lines.next(), ended]);
    return JSON.parse(String(line.value)) as Line;
  };
  const signal = (name: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void => {
    // Not the child's own `kill`, which works only once on Deno.
    if (child.pid !== undefined && child.exitCode === null) {
      process.kill(child.pid, name);
    }
  };
  const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
  const { hello } = await next();
  clearTimeout(timer);
  return {
    hello: hello as Line,
    ask: (line) => {
      child.stdin.write(`${line}\n`);
      return next();
    },
    freeze: () => signal("SIGSTOP"),
    kill: async () => {
      signal("SIGKILL");
      await ended.catch(() => {});
    },
    stop: async () => {
      signal("SIGCONT");
      child.stdin.end();
      await ended.catch(() => {});
    },
  };
}

/** The main loop of a partner's process; resolves when it has to end. */
export async function bePartner(half: PartnerHalf): Promise<void> {
  const say = (value: unknown) =>
    void process.stdout.write(`${JSON.stringify(value)}\n`);
  say({ hello: half.hello });
  let gap = new TimerGap();
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "begin") {
      gap = new TimerGap();
      await gap.begin();
      say({});
    } else if (line === "end") {
      say({ timerGapMs: await gap.end() });
    }
  }
  await half.stop();
}
