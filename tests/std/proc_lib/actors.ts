/** What tests of starts and stops share. */
import { expect } from "vitest";
import type { Self } from "../../../runtime/mod.ts";
import type { Starting } from "../../../std/proc_lib/mod.ts";
import { park } from "../../helpers/actors.ts";

/** Says at once that it is ready. */
export const acknowledge =
  ({ initAck }: Starting) => async (me: Self): Promise<void> => {
    initAck();
    await park(me);
  };
/** Never says anything. */
export const silent = (): typeof park => park;

/** What a start or a stop that has to fail is rejected with. */
export async function failure<E extends Error>(
  outcome: Promise<unknown>,
  kind: abstract new (...args: never[]) => E,
): Promise<E> {
  const error: unknown = await outcome.then(
    () => new Error("expected a failure"),
    (error) => error,
  );
  expect(error).toBeInstanceOf(kind);
  return error as E;
}
