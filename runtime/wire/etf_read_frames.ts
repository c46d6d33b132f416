/**
 * What is being read around the current term.
 *
 * The reader keeps this list itself instead of calling itself, so that a deep
 * term needs no stack.
 */

import type { ClosureHead } from "./etf_identities.ts";

/** Kinds of frames: what the next term is to its container. */
export const readFrames = {
  /** An item of a tuple. */
  tuple: 0,
  list: 1,
  /** What stands behind the items of a list. */
  tail: 2,
  /** The value of a key that is an atom, while all keys are. */
  object: 3,
  mapKey: 4,
  mapValue: 5,
  /** What a closure has closed over. */
  closure: 6,
} as const;

export type ReadFrameKind = (typeof readFrames)[keyof typeof readFrames];

const noItems: unknown[] = [];
const noObject: Record<string, unknown> = {};
const noMap = new Map<unknown, unknown>();

/** Arrays up to this long are made in one piece. */
const wholeItemsMax = 1 << 16;

/** A container and what has come of it. */
export class ReadFrame {
  kind: ReadFrameKind = readFrames.tuple;
  /** Of a tuple, list or closure. */
  items: unknown[] = noItems;
  /** Of a map while all keys are atoms, with the name of the current one. */
  object: Record<string, unknown> = noObject;
  name = "";
  /** Of another map, with the current key. */
  map: Map<unknown, unknown> = noMap;
  key: unknown = undefined;
  /** Items or entries that have come, and those that there are. */
  index = 0;
  count = 0;
  /** Where its tag is. */
  start = 0;
  /** Terms that are still to come for all that is around it. */
  owed = 0;
  /** Keys of maps that it is in, one inside the other. */
  keyLevel = 0;
  /** Of a closure: what was read already, and how to go on behind it. */
  head: ClosureHead | null = null;
  isExact = false;

  begin(kind: ReadFrameKind, count: number, owed: number, start: number): void {
    this.kind = kind;
    this.index = 0;
    this.count = count;
    this.owed = owed;
    this.start = start;
    if (kind === readFrames.object) this.object = {};
    else {
      this.items = count <= wholeItemsMax ? new Array<unknown>(count) : [];
    }
  }

  /** Lets go of what it made. */
  clear(): void {
    this.items = noItems;
    this.object = noObject;
    this.map = noMap;
    this.key = undefined;
  }

  /** Terms to come behind the current one, for this and for what is around. */
  get owedBehind(): number {
    const others = this.count - this.index - 1;
    switch (this.kind) {
      case readFrames.tuple:
      case readFrames.closure:
        return this.owed + others;
      case readFrames.list:
        return this.owed + others + 1;
      case readFrames.tail:
        return this.owed;
      case readFrames.object:
      case readFrames.mapValue:
        return this.owed + 2 * others;
      case readFrames.mapKey:
        return this.owed + 2 * others + 1;
      default:
        return this.kind satisfies never;
    }
  }
}
