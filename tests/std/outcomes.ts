/** What an act comes to: an exit reason, an error, or the reason of an error. */
import { expect } from "vitest";
import type { Down, Pid, Self } from "../../runtime/mod.ts";

/** The exit reason of an actor that is monitored from before `act`. */
export async function endOf(
  self: Self<unknown>,
  pid: Pid<never> | null,
  act: () => unknown,
): Promise<unknown> {
  const ref = self.monitor(pid as Pid);
  await act();
  return (await self.receive(ref) as Down).reason;
}

/** The error that a promise rejects with. */
export function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable("the promise did not reject"),
    (error: unknown) => error,
  );
}

/** The same, of a type. */
export async function failureOf<E extends Error>(
  promise: Promise<unknown>,
  type: abstract new (...args: never[]) => E,
): Promise<E> {
  const error = await failure(promise);
  expect(error).toBeInstanceOf(type);
  return error as E;
}

/** The `reason` of the error that a promise rejects with. */
export async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return (await failure(promise) as { readonly reason: unknown }).reason;
}
