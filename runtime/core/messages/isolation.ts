/**
 * Prevents actors of one node from sharing mutable messages: messages are frozen
 * (`strict`) or copied (`isolate: "copy"`). So are exit reasons, except errors.
 *
 * Neither is on by default: within a node messages pass by reference, which
 * makes them fast. Freezing shows in development and tests which actor writes to
 * a message that it has sent. Copying makes such a write harmless.
 */

import { UsageError } from "./errors.ts";
import { Shared } from "../terms/shared.ts";
import {
  BitString,
  ExternalFun,
  Float,
  ImproperList,
  Pid,
  Port,
  printTerm,
  Ref,
  Tuple,
} from "../terms/terms.ts";

/** Returns what the receiver gets in place of the message. */
export type Isolate = (message: unknown) => unknown;

/** Immutable terms, and values that are shared on purpose. */
const immutable = [Pid, Ref, Float, Port, ExternalFun, Shared] as const;

/**
 * Freezes objects, arrays and tuples, deeply, and returns the same message. A
 * message with typed arrays, Maps, Sets or Dates, which cannot be frozen, is
 * copied as far as it holds them, and the copy is frozen.
 */
export function freeze(message: unknown): unknown {
  return new Isolation("freeze").term(message, "message");
}

/** A deep copy. Throws `UsageError` for what has no copy, with its path. */
export function copy(message: unknown): unknown {
  return new Isolation("copy").term(message, "message");
}

/**
 * The exit reason that a link or monitor gets. Never throws, because every link
 * and monitor must be notified: a reason without a copy is printed.
 *
 * An error stays as it is. It is a report to which no actor writes, its stack
 * cannot be copied on every runtime, and an object that it holds (a socket, for
 * example) may still be in use.
 */
export function isolateReason(
  isolate: Isolate | null,
  reason: unknown,
): unknown {
  if (isolate === null) return reason;
  try {
    return reason instanceof Error ? reason : isolate(reason);
  } catch {
    return printTerm(reason);
  }
}

class Isolation {
  readonly #mode: "freeze" | "copy";
  /** Copies by their originals; keeps cycles and shared parts as they are. */
  readonly #done = new Map<object, unknown>();

  constructor(mode: "freeze" | "copy") {
    this.#mode = mode;
  }

  term(value: unknown, path: string): unknown {
    if (typeof value === "function" && this.#mode === "copy") {
      throw new UsageError(
        `expected a message that can be copied, got a function at ${path}`,
      );
    }
    if (typeof value !== "object" || value === null) return value;
    if (immutable.some((Class) => value instanceof Class)) return value;
    if (this.#mode === "freeze" && Object.isFrozen(value)) return value;
    const known = this.#done.get(value);
    if (known !== undefined) return known;
    return this.#object(value, path);
  }

  #object(value: object, path: string): unknown {
    if (Array.isArray(value)) return this.#fields(value, [], path);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      return this.#remember(value, structuredClone(value));
    }
    if (value instanceof Date) {
      return this.#remember(value, new Date(value.getTime()));
    }
    if (value instanceof Map) {
      const made = this.#remember(value, new Map<unknown, unknown>());
      for (const [key, item] of value) {
        made.set(
          this.term(key, `${path} key`),
          this.term(item, `${path} value`),
        );
      }
      return made;
    }
    if (value instanceof Set) {
      const made = this.#remember(value, new Set<unknown>());
      for (const item of value) made.add(this.term(item, `${path} item`));
      return made;
    }
    if (value instanceof Tuple) {
      const items = this.term(value.items, path) as readonly unknown[];
      return items === value.items ? value : new Tuple(items);
    }
    if (value instanceof ImproperList) {
      const items = this.term(value.items, path) as readonly unknown[];
      return new ImproperList(items, this.term(value.tail, `${path}.tail`));
    }
    if (value instanceof BitString) {
      return new BitString(value.bytes.slice(), value.lastBits);
    }
    // Objects of other classes keep their prototype; only a real error is one.
    const prototype: object | null = Object.getPrototypeOf(value);
    const empty: object = value instanceof Error
      ? Object.setPrototypeOf(new Error(), prototype)
      : Object.create(prototype);
    return this.#fields(value, empty, path);
  }

  /** Objects and arrays, by their own properties. */
  #fields<T extends object>(value: T, made: T, path: string): T {
    this.#done.set(value, this.#mode === "copy" ? made : value);
    let isSame = this.#mode === "freeze";
    for (const key of Reflect.ownKeys(value)) {
      if (Array.isArray(value) && key === "length") continue;
      const property = Object.getOwnPropertyDescriptor(value, key);
      if (property === undefined) continue;
      if ("value" in property) {
        const item: unknown = property.value;
        property.value = this.term(item, `${path}.${String(key)}`);
        isSame &&= property.value === item;
      }
      Object.defineProperty(made, key, property);
    }
    if (isSame) return Object.freeze(value);
    this.#done.set(value, made);
    return this.#mode === "freeze" ? Object.freeze(made) : made;
  }

  #remember<T extends object>(original: object, made: T): T {
    this.#done.set(original, made);
    return made;
  }
}
