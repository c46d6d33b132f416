/**
 * Why a term cannot be written, and the path to the value that is at fault.
 */

import { ImproperList, printTerm } from "../../../core/terms/terms.ts";
import { EncodeError } from "../../shared/errors.ts";
import { termPath } from "../../shared/term_path.ts";
import { outputFull } from "../output.ts";

/** A step of a path: the container, and the key or index inside it. */
type Step = readonly [container: object, key: string | number];

/**
 * Why a value cannot be written. The code that writes a container around the
 * value adds a step to the path, so a path costs nothing before it is needed.
 */
export class Refusal {
  readonly problem: string;
  readonly cause: unknown;
  /** Whether a container holds itself, so that the path has no end. */
  readonly isCycle: boolean;
  /** The path, from the value to the root. */
  readonly #steps: Step[] = [];

  constructor(
    problem: string,
    options: { readonly cause?: unknown; readonly isCycle?: boolean } = {},
  ) {
    this.problem = problem;
    this.cause = options.cause;
    this.isCycle = options.isCycle ?? false;
  }

  /** The refusal for an error that was thrown while the value was written. */
  static of(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    if (error === outputFull) {
      return new Refusal("expected fewer bytes; send it in parts");
    }
    const problem = `reading it threw ${printTerm(error)}`;
    return new Refusal(problem, { cause: error });
  }

  /** The value is at this key of an object, a map or a set. */
  atKey(container: object, key: unknown): this {
    this.#steps.push([container, keyStep(container, key)]);
    return this;
  }

  /** The value is item `index` of those that are written for a container. */
  atItem(container: object, items: readonly unknown[], index: number): this {
    this.#steps.push([container, itemStep(container, items, index)]);
    return this;
  }

  /** The error for a message that is called `root`. */
  toError(root: string): EncodeError {
    const steps = this.#steps.toReversed();
    const pathTo = (count: number) =>
      termPath(
        root,
        steps.slice(0, count).map(([container]) => container),
        steps.slice(0, count).map(([, key]) => key),
      );
    const options = this.cause === undefined ? {} : { cause: this.cause };
    const seen = new Map<object, number>();
    for (const [i, [container]] of steps.entries()) {
      const earlier = this.isCycle ? seen.get(container) : undefined;
      if (earlier !== undefined) {
        const problem = `it is ${pathTo(earlier)} again; ${this.problem}`;
        return new EncodeError(pathTo(i), problem, options);
      }
      seen.set(container, i);
    }
    return new EncodeError(pathTo(steps.length), this.problem, options);
  }
}

function itemStep(
  container: object,
  items: readonly unknown[],
  index: number,
): string | number {
  if (container instanceof Map || container instanceof Set) {
    // Keys and values alternate, in the order in which they are written.
    const step = keyStep(container, items[index & ~1]);
    return typeof step === "number" && container instanceof Map
      ? step + index % 2
      : step;
  }
  const isTail = container instanceof ImproperList &&
    index === container.items.length;
  return isTail ? "tail" : index;
}

function keyStep(container: object, key: unknown): string | number {
  if (container instanceof Map) {
    return 2 * Array.from(container.keys()).indexOf(key);
  }
  if (container instanceof Set) return Array.from(container).indexOf(key);
  return String(key);
}
