/**
 * A global name and a chat room for a whole cluster, and how a name clash is
 * resolved after the network was cut.
 *
 * ```text
 * node examples/registry.ts
 * ```
 *
 * It starts four processes with a node each and prints their reports. One of
 * them is the clock, by a global name; its process is killed, and another one
 * takes over. Then the network between the nodes is cut in two, a name is
 * registered on both sides, the network is healed, and the resolver decides.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CuttableNetwork } from "./registry/cuttable_network.ts";
import type { Order, Said, Settings } from "./registry/member.ts";
import { ownRuntime, runArguments } from "./word_index/runtimes.ts";

const MEMBER = fileURLToPath(new URL("registry/member.ts", import.meta.url));
/** The time limit of each step. */
const TIMEOUT_MS = 20_000;

type Word<W extends Said["what"]> = Extract<Said, { readonly what: W }>;

/** A process with a node. */
class Member {
  /** The name's part before the `@`. */
  readonly part: string;
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  /** Reports that were not waited for yet. */
  readonly #said: Said[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(part: string) {
    this.part = part;
    this.name = `${part}@127.0.0.1`;
    const args = runArguments(ownRuntime(), MEMBER);
    this.#process = spawn(process.execPath, args, {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once("exit", resolve).once("error", resolve);
    });
    // Its process may have ended before it has read everything.
    this.#process.stdin?.on("error", () => {});
    createInterface({ input: this.#process.stdout! }).on("line", (line) => {
      this.#said.push(JSON.parse(line) as Said);
      for (const look of this.#listeners) look();
    });
  }

  tell(line: Order | Settings): void {
    this.#process.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  /**
   * Resolves with the next such word; what else was said is kept. Rejects when
   * it does not come, and does neither once `signal` is aborted.
   */
  hear<W extends Said["what"]>(
    what: W,
    options: {
      readonly fits?: (said: Word<W>) => boolean;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<Word<W>> {
    const { fits = () => true, signal } = options;
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
      };
      const look = (): void => {
        const index = this.#said.findIndex((said) =>
          said.what === what && fits(said as Word<W>)
        );
        if (index < 0) return;
        stop();
        resolve(this.#said.splice(index, 1)[0] as Word<W>);
      };
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`expected ${this.name} to say "${what}"`));
      }, TIMEOUT_MS);
      signal?.addEventListener("abort", stop);
      this.#listeners.add(look);
      look();
    });
  }

  /** Where this node finds a name. */
  async find(name: string): Promise<string | null> {
    this.tell({ do: "find", name });
    return (await this.hear("found")).node;
  }

  /** Resolves when this node finds the name there. */
  async finds(name: string, node: string): Promise<void> {
    const end = Date.now() + TIMEOUT_MS;
    for (let found; (found = await this.find(name)) !== node;) {
      if (Date.now() < end) continue;
      throw new Error(
        `expected ${this.name} to find ${name} on ${node}, not on ${found}`,
      );
    }
  }

  /** By SIGKILL, so that its node closes nothing. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }

  /** Its input ends, and so does it. */
  async stop(): Promise<void> {
    this.#process.stdin?.end();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5_000);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** The first member that reports it, and the report. */
async function firstToSay<W extends Said["what"]>(
  members: readonly Member[],
  what: W,
): Promise<{ readonly member: Member; readonly said: Word<W> }> {
  const heard = new AbortController();
  try {
    return await Promise.race(members.map(async (member) => {
      const said = await member.hear(what, { signal: heard.signal });
      return { member, said };
    }));
  } finally {
    heard.abort();
  }
}

function tell(text: string): void {
  console.log(text);
}

/** Each gets the name of the one before, and knows all in the end. */
async function startMembers(
  parts: readonly string[],
  epmdPort: number,
): Promise<Member[]> {
  const cookie = randomBytes(24).toString("base64url");
  const members = parts.map((part) => new Member(part));
  try {
    for (const [i, member] of members.entries()) {
      const before = members.slice(0, i);
      const connect = before.map(({ name }) => name);
      member.tell({ name: member.name, cookie, epmdPort, connect });
      await member.hear("up");
      // The first one there gets the name; the rest follow.
      if (i === 0) await member.hear("clock here");
      else await member.hear("follows");
    }
    return members;
  } catch (error) {
    await Promise.all(members.map((member) => member.stop()));
    throw error;
  }
}

async function failOver([a, ...others]: readonly Member[]): Promise<void> {
  tell(`\nThe process of ${a!.part} is killed.`);
  const began = performance.now();
  const next = firstToSay(others, "clock here");
  await a!.kill();
  const { member: clock } = await next;
  const ms = Math.round(performance.now() - began);
  tell(`${ms} ms later ${clock.part} is the clock, by itself.`);
  for (const member of others) {
    await member.finds("clock", clock.name);
    member.tell({ do: "ask" });
    const { node, count } = await member.hear("asked");
    tell(`${member.part} asks the clock on ${node.split("@")[0]}: ${count}`);
  }
}

async function chat([one, ...others]: readonly Member[]): Promise<void> {
  tell("\nAll members are in the chat room.");
  one!.tell({ do: "say", text: `hello from ${one!.part}` });
  for (const member of [one!, ...others]) {
    const { text } = await member.hear("heard");
    tell(`${member.part} hears "${text}"`);
  }
}

async function cutAndHeal(
  network: CuttableNetwork,
  [b, c, d]: readonly [Member, Member, Member],
): Promise<void> {
  tell(`\nThe network is cut: ${b.part} | ${c.part} ${d.part}`);
  const isApart = (part: string): boolean => part === b.part;
  network.cut((from, to) => isApart(from) !== isApart(to));
  await b.hear("nodedown", { fits: ({ node }) => node === c.name });
  await b.hear("nodedown", { fits: ({ node }) => node === d.name });
  await c.hear("nodedown", { fits: ({ node }) => node === b.name });
  await d.hear("nodedown", { fits: ({ node }) => node === b.name });
  for (const member of [b, c]) {
    member.tell({ do: "lead" });
    const { isMine } = await member.hear("claimed");
    tell(`${member.part} claims the name "leader": ${isMine}`);
  }
  await d.finds("leader", c.name);
  tell(`${b.part} finds it on ${b.part}, ${d.part} on ${c.part}.`);

  tell("\nThe network is whole again.");
  network.heal();
  b.tell({ do: "meet", node: d.name });
  const { member: on, said } = await firstToSay([b, c], "resolver");
  const [kept, lost] = said.nodes as [string, string];
  tell(
    `The resolver runs once, on ${on.part}: it keeps ${
      kept.split("@")[0]
    } and ` +
      `takes the name from ${lost.split("@")[0]}.`,
  );
  for (const member of [b, c, d]) {
    await member.finds("leader", kept);
    tell(`${member.part} finds "leader" on ${kept.split("@")[0]}`);
  }
}

await using network = await CuttableNetwork.start();
const members = await startMembers(["a", "b", "c", "d"], network.epmdPort);
try {
  tell('Four nodes; "clock" is a global name, and a has it.');
  const [, b, c, d] = members as [Member, Member, Member, Member];
  await failOver(members);
  await chat([b, c, d]);
  await cutAndHeal(network, [b, c, d]);
} finally {
  await Promise.all(members.map((member) => member.stop()));
}
