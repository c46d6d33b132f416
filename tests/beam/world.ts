/**
 * A BEAM node and a node of ours that the tests of a file share, and pairs of a
 * process there and an actor here that know each other.
 */
import { beforeAll, expect } from "vitest";
import { atom, type Pid, type StartOptions } from "../../runtime/mod.ts";
import {
  type BeamNode,
  type BeamOptions,
  type Evaluator,
  introduce,
  startBeam,
  startEpmd,
  startOurs,
} from "../helpers/beam_nodes.ts";
import {
  holdings,
  inside,
  next,
  type Puppet,
  puppet,
} from "../helpers/clusters.ts";
import { waitFor } from "../helpers/wait.ts";
import type { Logged } from "../net/peers/raw_peer.ts";

/** A process there and an actor here. */
export type Pair = {
  readonly session: Evaluator;
  /** Pid of the session. It has the actor's in its variable `Ours`. */
  readonly theirs: Pid<unknown>;
  readonly actor: Puppet;
  /** Resolves when each has got what the other had sent before. */
  readonly settle: () => Promise<void>;
};

export type World = {
  readonly them: BeamNode;
  readonly ours: Logged;
  readonly epmdPort: number;
};

const settling = atom("settling");

/** Which of the two traps exits; both by default. */
type Traps = { readonly there?: boolean; readonly here?: boolean };

/** The nodes `a@127.0.0.1` and `ts@127.0.0.1`, which are not connected yet. */
export function world(
  options: {
    readonly beam?: Omit<BeamOptions, "epmdPort">;
    readonly ours?: StartOptions;
  } = {},
): World {
  const made: { -readonly [K in keyof World]?: World[K] } = {};
  beforeAll(async () => {
    const { port: epmdPort } = await startEpmd();
    made.epmdPort = epmdPort;
    [made.them, made.ours] = await Promise.all([
      startBeam("a@127.0.0.1", { ...options.beam, epmdPort }),
      startOurs("ts@127.0.0.1", epmdPort, options.ours),
    ]);
  });
  return made as World;
}

/** A session and an actor that know each other; the nodes are connected. */
export async function pair(
  { them, ours }: Pick<World, "them" | "ours">,
  { there = true, here = true }: Traps = {},
): Promise<Pair> {
  const session = them.session();
  await session(`process_flag(trap_exit, ${there})`);
  const actor = puppet(ours.node, { trapExits: here });
  const theirs = await introduce(session, actor);
  const settle = async (): Promise<void> => {
    await inside(actor, (self) => void self.send(theirs, settling));
    await session("receive settling -> Ours ! settling end");
    await next(actor, (m): m is symbol => m === settling);
  };
  return { session, actor, theirs, settle };
}

/** Ends an actor. */
export async function end(actor: Puppet, why: unknown): Promise<void> {
  await inside(actor, (self) => self.exit(why)).catch(() => {});
}

/** Ends a session from inside. */
export async function endThere(
  session: Evaluator,
  why: string,
): Promise<void> {
  const ending = `process_flag(trap_exit, false), exit(self(), ${why})`;
  await expect(session(ending)).rejects.toThrow(": exit ");
}

/** Resolves when no link, monitor or watcher is left on our side. */
export async function nothingIsLeft({ ours }: World): Promise<void> {
  await waitFor(
    async () =>
      Object.values(await holdings(ours.node)).every((count) => count === 0),
    { what: "links and monitors to be gone" },
  );
}
