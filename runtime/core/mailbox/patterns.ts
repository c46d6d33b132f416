/**
 * The patterns of a selective `receive`: a predicate, a `type`, a schema, or a
 * ref that the message carries.
 *
 * Schemas follow Standard Schema (version 1), the interface that zod, valibot,
 * arktype and others share; no library is needed here for that.
 */

import type { Mailbox } from "./mailbox.ts";
import { UsageError } from "../messages/errors.ts";
import { Ref } from "../terms/terms.ts";

/** The part of Standard Schema that `receive` uses. */
export interface Schema<Out = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (
      value: unknown,
    ) => SchemaResult<Out> | Promise<SchemaResult<Out>>;
    readonly types?:
      | { readonly input: unknown; readonly output: Out }
      | undefined;
  };
}

/** The verdict of a schema on a value. */
export type SchemaResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly unknown[] };

/** A pattern of any kind, as `receive` takes it. */
export type Pattern =
  | ((message: unknown) => boolean)
  | string
  | Ref
  | Schema;

/** A compiled pattern. */
export type Matcher = {
  /** Whether the message matches. An error that it throws ends the `receive`. */
  readonly test: (message: unknown) => boolean;
  /** The value of `receive` for the message that has matched last. */
  readonly take: ((message: unknown) => unknown) | null;
};

/** Whether an argument of `receive` is a pattern and not its options. */
export function isPattern(value: unknown): value is Pattern {
  return typeof value === "string" || typeof value === "function" ||
    value instanceof Ref ||
    (typeof value === "object" && value !== null && "~standard" in value);
}

export function compile(pattern: Pattern): Matcher {
  if (typeof pattern === "string") {
    return {
      test: (message) => fieldOf(message, "type") === pattern,
      take: null,
    };
  }
  if (pattern instanceof Ref) {
    return {
      test: (message) => {
        const ref = fieldOf(message, "ref");
        return ref === pattern || pattern.equals(ref);
      },
      take: null,
    };
  }
  // Some schemas are functions as well, so this check comes first.
  if ("~standard" in pattern) return compileSchema(pattern);
  return { test: (message) => atOnce(pattern(message)), take: null };
}

/** Throws for a promise, which would count as true. */
function atOnce(isWanted: boolean): boolean {
  if (typeof isWanted !== "object") return isWanted;
  const promise: unknown = isWanted;
  if (promise instanceof Promise) promise.catch(() => {});
  throw new UsageError(
    "expected a pattern that returns true or false at once, got one that is " +
      "asynchronous; receive cannot wait for it",
  );
}

function compileSchema(schema: Schema): Matcher {
  const standard = schema["~standard"];
  let output: unknown;
  return {
    test: (message) => {
      const result = standard.validate(message);
      if (result instanceof Promise) {
        result.catch(() => {});
        throw new UsageError(
          `expected a schema of ${standard.vendor} that validates at once, ` +
            "got one that is asynchronous; receive cannot wait for it",
        );
      }
      if (result.issues !== undefined) return false;
      output = result.value;
      return true;
    },
    take: () => output,
  };
}

function fieldOf(message: unknown, field: "type" | "ref"): unknown {
  return typeof message === "object" && message !== null
    ? (message as Record<string, unknown>)[field]
    : undefined;
}

/** An actor that waits for a message. */
export interface Receiver {
  readonly mailbox: Mailbox;
  /** Its pattern; null accepts any message. */
  readonly match: Matcher | null;
  /** Messages from the oldest on that the pattern has refused. */
  scanned: number;
}

/** Index of the first message that matches, or -1. */
export function findMatch(receiver: Receiver): number {
  const { mailbox, match } = receiver;
  if (match === null) return mailbox.length > 0 ? 0 : -1;
  for (let i = receiver.scanned; i < mailbox.length; i++) {
    const message = mailbox.at(i);
    receiver.scanned = i;
    const isWanted = match.test(message);
    // The pattern may have removed messages.
    i = receiver.scanned;
    if (mailbox.at(i) !== message) i--;
    else if (isWanted) return i;
  }
  receiver.scanned = mailbox.length;
  return -1;
}
