/**
 * Writing a term without calling oneself: the containers on the way to the
 * current value, how far each is, and the path through them.
 *
 * The writer does this below its first levels, so that depth costs no stack,
 * and for a term that it could not write, to learn where.
 */

import { ImproperList, printTerm } from "../../../core/terms/terms.ts";
import { termPath } from "../../shared/term_path.ts";
import { EncodeError } from "../../shared/errors.ts";
import type { KeyList } from "./keys.ts";
import { TERM_DEPTH_MAX } from "../limits.ts";
import { outputFull, type OutputMark } from "../output.ts";
import { tags } from "../tags.ts";
import { type End, ends, type EtfWriterServices } from "./services.ts";

/** A container of which items are still to be written. */
export type Frame = {
  readonly container: object;
  readonly items: readonly unknown[];
  /** How many of them; a getter cannot make it more meanwhile. */
  readonly count: number;
  /** Of a plain object: its keys, and their bytes. */
  readonly list: KeyList | null;
  readonly end: End;
  readonly mark: OutputMark | null;
};

type OpenFrame = Frame & { index: number };

/** Depth from which on to look whether a message holds itself. */
const CHECKED_DEPTH = 512;

/** The containers around the current value, for which nobody calls himself. */
export class FrameStack {
  readonly #writer: EtfWriterServices;
  readonly #frames: OpenFrame[] = [];
  #isRunning = false;

  constructor(writer: EtfWriterServices) {
    this.#writer = writer;
  }

  /**
   * Writes a container and all that is in it; inside of another one, the
   * beginning of it, and the rest when the caller has returned. `outside` is
   * the number of containers around the outermost one.
   */
  write(frame: Frame, outside: number): void {
    this.#checkDepth(outside);
    this.#frames.push({ ...frame, index: 0 });
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (;;) {
        const innermost = this.#frames.at(-1);
        if (innermost === undefined) break;
        this.#step(innermost);
      }
    } catch (error) {
      throw this.#refusalOf(error);
    } finally {
      this.#isRunning = false;
      this.#frames.length = 0;
    }
  }

  /** Writes the next item of the innermost frame, or ends it. */
  #step(frame: OpenFrame): void {
    const { items, list } = frame;
    const index = frame.index++;
    if (index === frame.count) {
      this.#frames.pop();
      writeEnd(this.#writer, frame.end, frame.mark);
      return;
    }
    if (list !== null) this.#writer.out.writePacked(list.atoms[index]!);
    this.#writer.value(items[index]);
  }

  #refusalOf(error: unknown): Refusal {
    const refusal = Refusal.of(error);
    for (const { container, items, list, index } of this.#frames.toReversed()) {
      if (list === null) refusal.atItem(container, items, index - 1);
      else refusal.atKey(container, list.keys[index - 1]);
    }
    return refusal;
  }

  /** Looks for cycles at some depths only, so that it costs little. */
  #checkDepth(outside: number): void {
    const depth = this.#frames.length;
    if (depth + outside >= TERM_DEPTH_MAX) {
      throw new Refusal(`it is nested more than ${TERM_DEPTH_MAX} deep`);
    }
    if (depth < CHECKED_DEPTH || (depth & (depth - 1)) !== 0) return;
    const containers = new Set(this.#frames.map(({ container }) => container));
    if (containers.size === depth) return;
    throw new Refusal("a message cannot contain itself", { isCycle: true });
  }
}

/** Writes what stands behind the items of a container. */
export function writeEnd(
  writer: EtfWriterServices,
  end: End,
  mark: OutputMark | null,
): void {
  const { out } = writer;
  if (end === ends.nil) out.writeByte(tags.nil);
  else if (mark !== null) out.setU32At(mark, out.bytesSince(mark));
}

/** A step of a path: the container, and the key or index inside it. */
type Step = readonly [container: object, key: string | number];

/**
 * Why a value cannot be written. Whoever writes a container around it adds a
 * step, so that a path costs nothing before it is needed.
 */
export class Refusal {
  readonly problem: string;
  readonly cause: unknown;
  /** Whether a container holds itself, so that the path has no end. */
  readonly isCycle: boolean;
  /** From the value to the root. */
  readonly #steps: Step[] = [];

  constructor(
    problem: string,
    options: { readonly cause?: unknown; readonly isCycle?: boolean } = {},
  ) {
    this.problem = problem;
    this.cause = options.cause;
    this.isCycle = options.isCycle ?? false;
  }

  /** The refusal that was thrown; another error is about the value as well. */
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
    // Keys with values between them, in an order of their own.
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
