/** Helpers for tests of registries: all kinds, and actors that use them. */
import { type Pid, reasons, type Self } from "../../../runtime/mod.ts";
import {
  type Entry,
  Registry,
  type RegistryOptions,
} from "../../../std/registry/mod.ts";
import { lone } from "../../helpers/actors.ts";

type Any = Registry<unknown, unknown, unknown>;

export type Kind = RegistryOptions & { readonly partitions: number };

const counts = [1, 3, 8];
export const uniques: readonly Kind[] = counts.map((partitions) => ({
  keys: "unique",
  partitions,
}));
export const duplicates: readonly Kind[] = (["pid", "key"] as const).flatMap(
  (partitionBy) =>
    counts.map((partitions) => ({
      keys: "duplicate",
      partitionBy,
      partitions,
    })),
);
export const kinds: readonly Kind[] = [...uniques, ...duplicates];

/** Runs a body in an actor that can start registries of a kind. */
export async function inActor(
  kind: RegistryOptions,
  body: (
    self: Self,
    make: (options?: Partial<RegistryOptions>) => Promise<Any>,
  ) => Promise<void>,
): Promise<void> {
  const { node } = await lone();
  await node.run((self) =>
    body(self, (options) => Registry.start(self, { ...kind, ...options }))
  );
}

/** Has an `obedient` actor run a function; resolves with its value. */
export async function ask<T>(
  self: Self,
  pid: Pid<unknown>,
  body: (me: Self) => T | Promise<T>,
): Promise<T> {
  const ref = self.makeRef();
  self.send(pid, async (me: Self) => {
    self.send(self.pid, { ref, value: await body(me) });
  });
  return (await self.receive(ref) as { value: T }).value;
}

/** Ends an actor within this turn: no partition was notified yet. */
export function kill(self: Self, pid: Pid<never>): void {
  self.sendExit(pid, reasons.kill);
}

export function valuesOf(entries: readonly Entry<unknown>[]): unknown[] {
  return entries.map(({ value }) => value);
}

export function linksOf(self: Self): readonly Pid[] {
  return self.info()?.links ?? [];
}
