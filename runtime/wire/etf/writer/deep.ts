/**
 * Writing a term without calling oneself: the containers on the way to the
 * current value, how far each is, and the path through them.
 *
 * The writer does this below its first levels, so that depth costs no stack,
 * and for a term that it could not write, to learn where.
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
  /** How many of them; a getter cannot make it more meanwhile. */
  readonly count: number;
  /** Of a plain object: its keys, and their bytes. */
  readonly list: KeyList | null;
  readonly trailer: Trailer;
  readonly mark: OutputMark | null;
};

type OpenContainer = Container & { index: number };

/** Depth from which on to look whether a message holds itself. */
const CHECKED_DEPTH = 512;

/** The containers around the current value, for which nobody calls himself. */
export class ContainerStack {
  readonly #writer: EtfWriterServices;
  readonly #frames: OpenContainer[] = [];
  #isRunning = false;

  constructor(writer: EtfWriterServices) {
    this.#writer = writer;
  }

  /**
   * Writes a container and all that is in it; inside of another one, the
   * beginning of it, and the rest when the caller has returned. `outside` is
   * the number of containers around the outermost one.
   */
  write(frame: Container, outside: number): void {
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
  #step(frame: OpenContainer): void {
    const { items, list } = frame;
    const index = frame.index++;
    if (index === frame.count) {
      this.#frames.pop();
      writeTrailer(this.#writer, frame.trailer, frame.mark);
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
export function writeTrailer(
  writer: EtfWriterServices,
  trailer: Trailer,
  mark: OutputMark | null,
): void {
  const { out } = writer;
  if (trailer === trailers.nil) out.writeByte(tags.nil);
  else if (mark !== null) out.setU32At(mark, out.bytesSince(mark));
}
