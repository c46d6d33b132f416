/**
 * Writes terms below the depth to which the writer calls itself. Open containers
 * are kept in a list instead of on the stack, with the position in each of them.
 *
 * The writer also uses it for a term that it could not write, because the list
 * holds the path to the value at fault.
 */

import type { KeyList } from "./keys.ts";
import { TERM_DEPTH_MAX } from "../limits.ts";
import type { OutputMark } from "../output.ts";
import { Refusal } from "./refusal.ts";
import { tags } from "../tags.ts";
import { type EtfWriterServices, type Trailer, trailers } from "./services.ts";

/** A container of which items are still to be written. */
export type Container = {
  readonly container: object;
  readonly items: readonly unknown[];
  /** Number of items to write; fixed, although a getter may add items. */
  readonly count: number;
  /** The keys of a plain object and their bytes; null for others. */
  readonly list: KeyList | null;
  readonly trailer: Trailer;
  readonly mark: OutputMark | null;
};

type OpenContainer = Container & { index: number };

/** From this depth on it is checked whether a container holds itself. */
const CHECKED_DEPTH = 512;

/** The open containers around the current value. */
export class ContainerStack {
  readonly #writer: EtfWriterServices;
  readonly #open: OpenContainer[] = [];
  #isRunning = false;

  constructor(writer: EtfWriterServices) {
    this.#writer = writer;
  }

  /**
   * Writes a container with all its items. Called for a container inside another
   * one, it only opens it: its items are written after the caller has returned.
   * `outside` is the number of containers around the outermost one.
   */
  write(container: Container, outside: number): void {
    this.#checkDepth(outside);
    this.#open.push({ ...container, index: 0 });
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (;;) {
        const innermost = this.#open.at(-1);
        if (innermost === undefined) break;
        this.#step(innermost);
      }
    } catch (error) {
      throw this.#refusalOf(error);
    } finally {
      this.#isRunning = false;
      this.#open.length = 0;
    }
  }

  /** Writes the next item of the innermost container, or closes it. */
  #step(container: OpenContainer): void {
    const { items, list } = container;
    const index = container.index++;
    if (index === container.count) {
      this.#open.pop();
      writeTrailer(this.#writer, container.trailer, container.mark);
      return;
    }
    if (list !== null) this.#writer.out.writePacked(list.atoms[index]!);
    this.#writer.value(items[index]);
  }

  #refusalOf(error: unknown): Refusal {
    const refusal = Refusal.of(error);
    for (const { container, items, list, index } of this.#open.toReversed()) {
      if (list === null) refusal.atItem(container, items, index - 1);
      else refusal.atKey(container, list.keys[index - 1]);
    }
    return refusal;
  }

  /** Looks for cycles at depths that are powers of two, which costs little. */
  #checkDepth(outside: number): void {
    const depth = this.#open.length;
    if (depth + outside >= TERM_DEPTH_MAX) {
      throw new Refusal(`it is nested more than ${TERM_DEPTH_MAX} deep`);
    }
    if (depth < CHECKED_DEPTH || (depth & (depth - 1)) !== 0) return;
    const containers = new Set(this.#open.map(({ container }) => container));
    if (containers.size === depth) return;
    throw new Refusal("a message cannot contain itself", { isCycle: true });
  }
}

/** Writes the trailer of a container. */
export function writeTrailer(
  writer: EtfWriterServices,
  trailer: Trailer,
  mark: OutputMark | null,
): void {
  const { out } = writer;
  if (trailer === trailers.nil) out.writeByte(tags.nil);
  else if (mark !== null) out.setU32At(mark, out.bytesSince(mark));
}
