/**
 * Actors for two processes: senders that use all kinds of signals and sizes,
 * and receivers that check the order of what arrives. The test runs them in its
 * own process, and `tests/fixtures/lanes_node.ts` in the other process.
 */
import {
  BusyError,
  type Destination,
  Down,
  Exit,
  type ExportedBehaviour,
  type Pid,
  type Ref,
  type Self,
} from "../../../runtime/mod.ts";

const KIB = 1024;

/** A message of a sender, and part of the exit signals that it sends. */
type Numbered = {
  readonly by: string;
  readonly n: number;
  readonly data: unknown;
};
type Hello = { readonly hello: string; readonly pid: Pid<Welcome> };
type Welcome = { readonly pid: Pid<unknown>; readonly alias: Ref };
type Question = { readonly report: Pid<unknown> };
/** The exit reason of a sender. */
type Over = { readonly over: string; readonly total: number };

/** What a receiver knows about one sender. */
export type Account = {
  seen: number;
  /** How many had arrived before the exit, and before the down message. */
  atExit: number | null;
  atDown: number | null;
  /** How many it has sent, by its exit reason. */
  total: number | null;
};

export type Report = {
  readonly faults: readonly string[];
  readonly accounts: Readonly<Record<string, Account>>;
};

const has = <K extends string>(
  term: unknown,
  key: K,
): term is Record<K, unknown> =>
  typeof term === "object" && term !== null && key in term;

/** Whole numbers below a limit, the same ones for the same seed. */
function scattered(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 65_536) % limit;
  };
}

/** Mostly small, and one in four from 64 KiB to 1 MiB. */
function dataOf(random: (limit: number) => number): unknown {
  const kind = random(8);
  if (kind < 5) return "x".repeat(random(300));
  if (kind === 5) return "y".repeat(20 * KIB);
  const bytes = 64 * KIB + random(960) * KIB;
  return kind === 6 ? new Uint8Array(bytes) : "z".repeat(bytes);
}

/**
 * Sends `count` signals to the receiver of that name and ends. It never waits
 * for room, so it is held at each `receive` when there is none.
 */
export const sender: ExportedBehaviour = (
  name: string,
  seed: number,
  count: number,
  receiver: { readonly name: string; readonly node: string },
) =>
async (self: Self<Welcome | string>): Promise<void> => {
  const random = scattered(seed);
  self.send(receiver, { hello: name, pid: self.pid });
  const { pid, alias } = await self.receive() as Welcome;
  const ways: readonly Destination[] = [
    pid,
    pid,
    receiver,
    alias as Destination,
  ];
  for (let n = 0; n < count; n++) {
    const message: Numbered = { by: name, n, data: dataOf(random) };
    const way = random(ways.length + 1);
    const to = ways[way];
    if (to === undefined) self.sendExit(pid, message);
    else await insist(self, to, message);
    self.send(self.pid, "on");
    await self.receive();
  }
  self.exit({ over: name, total: count, data: dataOf(random) });
};

/** Sends a message again that was refused because the lane was full. */
async function insist(
  self: Self<Welcome | string>,
  to: Destination,
  message: Numbered,
): Promise<void> {
  for (;;) {
    try {
      self.send(to, message);
      return;
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      await self.ready(to as Destination<never>);
    }
  }
}

/** Checks what arrives; answers `{ report }` with the result. */
export const receiver = async (self: Self<unknown>): Promise<void> => {
  self.trapExits = true;
  const alias = self.alias();
  const faults: string[] = [];
  const accounts: Record<string, Account> = {};
  const take = ({ by, n }: Numbered) => {
    const account = accounts[by]!;
    if (n !== account.seen) faults.push(`${by}: ${n} after ${account.seen}`);
    account.seen++;
  };
  const end = ({ over, total }: Over, key: "atExit" | "atDown") => {
    const account = accounts[over]!;
    account.total = total;
    account[key] = account.seen;
  };
  for await (const message of self) {
    if (has(message, "hello")) {
      const { hello, pid } = message as Hello;
      accounts[hello] = { seen: 0, atExit: null, atDown: null, total: null };
      self.link(pid);
      self.monitor(pid);
      self.send(pid, { pid: self.pid, alias });
    } else if (has(message, "report")) {
      self.send((message as Question).report, { faults, accounts });
    } else if (message instanceof Exit || message instanceof Down) {
      const { reason } = message;
      const key = message instanceof Exit ? "atExit" : "atDown";
      if (has(reason, "n")) take(reason as Numbered);
      else if (has(reason, "over")) end(reason as Over, key);
      else faults.push(`${key}: ${String(reason)}`);
    } else take(message as Numbered);
  }
};

/** Bytes with a pattern. */
export function blobOf(bytes: number): Uint8Array<ArrayBuffer> {
  const blob = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 4_099) blob[at] = (at / 4_099) & 0xff;
  return blob;
}

function isBlob(blob: Uint8Array): boolean {
  for (let at = 0; at < blob.length; at += 4_099) {
    if (blob[at] !== ((at / 4_099) & 0xff)) return false;
  }
  return true;
}

type Parcel = { readonly blob: Uint8Array; readonly from: Pid<unknown> };

/** Answers a blob with its length, or with -1 when it is damaged. */
export const depot = async (self: Self<Parcel>): Promise<void> => {
  for await (const { blob, from } of self) {
    self.send(from, isBlob(blob) ? blob.length : -1);
  }
};

/** Sends a blob to the depot of a node and returns the answer. */
export const shipper: ExportedBehaviour =
  (bytes: number, node: string) =>
  async (
    self: Self<number>,
  ): Promise<void> => {
    self.send({ name: "depot", node }, { blob: blobOf(bytes), from: self.pid });
    self.exit(await self.receive());
  };
