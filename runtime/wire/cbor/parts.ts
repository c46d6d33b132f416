/**
 * Terms that are nested deeper than the writer and cbor-x call themselves.
 *
 * Such a term is cut into parts of at most `PART_DEPTH_MAX` levels. The term
 * holds the number of a part in place of it (`tags.part`). The parts are items
 * `[PART_OP, number, term]` of a large frame, in front of the signal; a part
 * comes before the one that refers to it. So neither node needs more stack for a
 * deep term than for a flat one. The limit of all levels, `TERM_DEPTH_MAX`, is
 * for code elsewhere that may recurse over a message.
 */

import { printTerm } from "../../core/terms/terms.ts";
import { DecodeError } from "../shared/errors.ts";
import { isU32 } from "../shared/numbers.ts";
import { Tagged } from "./engine.ts";
import { PART_DEPTH_MAX, PARTS_DEEP_MAX, tags } from "./tags.ts";

/** Op of an item that is a part. Erlang has no negative control messages. */
export const PART_OP = -1;

/** A container around a part, and the key or index of what is inside it. */
export type Step = {
  readonly around: Step | null;
  readonly container: object;
  readonly key: string | number | undefined;
};

/** A term that is prepared after the part in which it was found. */
export type Part = {
  readonly value: object;
  /** The containers around it; null for the signal itself. */
  readonly step: Step | null;
  /** Number of parts around it. */
  readonly level: number;
  /** Whether it belongs to an error, which is sent with what can be sent. */
  readonly isInError: boolean;
  /** What cbor-x writes, once it is prepared. */
  prepared: unknown;
};

/** The parts of one outgoing signal. */
export class PartWriter {
  /** Every part at the index that is its number. */
  readonly parts: Part[] = [];
  /** Number of parts that are prepared, which are the first ones. */
  preparedCount = 0;
  /** The part that is being prepared; null for the signal itself. */
  current: Part | null = null;
  /** Parts that were found in the current one. */
  #found = 0;
  /** Steps at the depths of the last part, which the next one may share. */
  readonly #steps: Step[] = [];

  get outside(): Step | null {
    return this.current?.step ?? null;
  }

  begin(part: Part | null): void {
    this.current = part;
    this.#found = 0;
    this.#steps.length = 0;
  }

  clear(): void {
    this.begin(null);
    this.parts.length = 0;
    this.preparedCount = 0;
  }

  /** Whether a part that is found now is below the limit of all levels. */
  get hasRoom(): boolean {
    return this.#level < PARTS_DEEP_MAX;
  }

  /**
   * Whether the next part has to be examined for a cycle. A cycle that branches
   * would otherwise make parts until the limit of objects is reached. Examining
   * few parts is enough, because each part of a cycle finds further ones.
   */
  get isExamined(): boolean {
    return (this.#found & (this.#found - 1)) === 0;
  }

  get #level(): number {
    return (this.current?.level ?? 0) + 1;
  }

  /** Adds the value inside the containers of the trail; returns its number. */
  add(
    value: object,
    trail: readonly object[],
    keys: readonly (string | number | undefined)[],
    isInError: boolean,
  ): Tagged {
    this.#found += 1;
    const step = this.#stepTo(PART_DEPTH_MAX, trail, keys);
    const level = this.#level;
    this.parts.push({ value, step, level, isInError, prepared: undefined });
    return new Tagged(tags.part, this.parts.length - 1);
  }

  #stepTo(
    depth: number,
    trail: readonly object[],
    keys: readonly (string | number | undefined)[],
  ): Step | null {
    let around = this.outside;
    for (let i = 1; i <= depth; i++) {
      const known = this.#steps[i];
      const container = trail[i]!;
      const key = keys[i];
      around = known?.around === around && known.container === container &&
          known.key === key
        ? known
        : this.#steps[i] = { around, container, key };
    }
    return around;
  }
}

/** The steps from the outermost container to the innermost one. */
export function stepsTo(innermost: Step | null): Step[] {
  const steps: Step[] = [];
  for (let step = innermost; step !== null; step = step.around) {
    steps.push(step);
  }
  return steps.reverse();
}

/** The parts of one incoming frame. */
export class PartReader {
  readonly #parts: Map<number, { value: unknown; levels: number }> = new Map();
  /** Most levels of the parts that the current item refers to. */
  #levels = 0;

  /**
   * The part with this number, for the item that is being read. Each part is
   * used once, so a peer cannot make a message that doubles at each level.
   */
  take(index: unknown): unknown {
    const part = this.#parts.get(index as number);
    if (part === undefined) {
      throw new DecodeError(
        `expected the number of a part, got ${printTerm(index)}`,
      );
    }
    this.#parts.delete(index as number);
    this.#levels = Math.max(this.#levels, part.levels);
    return part.value;
  }

  /** Takes an item `[PART_OP, number, term]`. */
  add(item: readonly unknown[]): void {
    const index = item[1];
    if (item.length !== 3 || !isU32(index) || this.#parts.has(index)) {
      throw new DecodeError(
        `expected a part with a number of its own, got ${printTerm(index)}`,
      );
    }
    const levels = this.#levels + 1;
    this.#levels = 0;
    if (levels >= PARTS_DEEP_MAX) {
      throw new DecodeError(
        `expected terms of at most ${PARTS_DEEP_MAX} parts inside each other`,
      );
    }
    this.#parts.set(index, { value: item[2], levels });
  }

  /** Throws a `DecodeError` if there are parts that no signal has used. */
  finish(): void {
    if (this.#parts.size === 0) return;
    throw new DecodeError(
      `expected a signal that uses all parts, got ${this.#parts.size} more`,
    );
  }
}
