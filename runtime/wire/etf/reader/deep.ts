/**
 * Incoming terms below the depth to which the reader calls itself: the same
 * containers, with a list of their own in place of the stack.
 */

import { Closure, ImproperList, Tuple } from "../../../core/terms/terms.ts";
import { type ClosureHead, readClosureHead } from "./identities.ts";
import { RECURSION_MAX, TERM_DEPTH_MAX } from "../limits.ts";
import type { Fields } from "../shapes.ts";
import { mapOf, setField } from "./maps.ts";
import type { EtfReaderServices } from "./services.ts";
import { tags } from "../tags.ts";

/** Stands for a container of which something is still to come. */
const more: unique symbol = Symbol("more");

/** A container that is being read. */
interface Frame {
  /** Reads up to its first term; the container when it has none. */
  begin(): unknown;
  /** Takes the next term; the container when that was the last. */
  add(value: unknown): unknown;
}

/** Reads the term that comes next. */
export function readDeep(reader: EtfReaderServices): unknown {
  const frames: Frame[] = [];
  for (;;) {
    const frame = frameFor(reader);
    let value: unknown;
    if (frame === null) value = reader.term(RECURSION_MAX);
    else {
      if (RECURSION_MAX + frames.length >= TERM_DEPTH_MAX) {
        reader.fail(`expected at most ${TERM_DEPTH_MAX} levels`, reader.at);
      }
      frames.push(frame);
      reader.start = reader.at;
      reader.owed -= 1;
      value = frame.begin();
      if (value !== more) frames.pop();
    }
    while (value !== more) {
      const around = frames.at(-1);
      if (around === undefined) return value;
      value = around.add(value);
      if (value !== more) frames.pop();
    }
  }
}

/** Null when what comes next holds no terms. */
function frameFor(reader: EtfReaderServices): Frame | null {
  switch (reader.at < reader.end ? reader.bytes[reader.at] : -1) {
    case tags.smallTuple:
    case tags.largeTuple:
      return new TupleFrame(reader);
    case tags.list:
      return new ListFrame(reader);
    case tags.map:
      return new MapFrame(reader);
    case tags.newFun:
      return new ClosureFrame(reader);
    default:
      return null;
  }
}

class TupleFrame implements Frame {
  readonly #reader: EtfReaderServices;
  readonly #items: unknown[] = [];
  #count = 0;

  constructor(reader: EtfReaderServices) {
    this.#reader = reader;
  }

  begin(): unknown {
    this.#count = this.#reader.tupleHead();
    return this.#count > 0 ? more : new Tuple(this.#items);
  }

  add(value: unknown): unknown {
    const items = this.#items;
    return items.push(value) < this.#count ? more : new Tuple(items);
  }
}

class ListFrame implements Frame {
  readonly #reader: EtfReaderServices;
  readonly #items: unknown[] = [];
  /** Items to come before its tail; the tail itself when negative. */
  #left = 0;

  constructor(reader: EtfReaderServices) {
    this.#reader = reader;
  }

  begin(): unknown {
    this.#left = this.#reader.listHead();
    return this.#left > 0 ? more : this.#behind();
  }

  add(value: unknown): unknown {
    const items = this.#items;
    if (this.#left < 0) {
      return items.length === 0 ? value : new ImproperList(items, value);
    }
    items.push(value);
    return --this.#left > 0 ? more : this.#behind();
  }

  #behind(): unknown {
    this.#left = this.#reader.listTail(this.#items);
    return this.#left === 0 ? this.#items : more;
  }
}

class MapFrame implements Frame {
  readonly #reader: EtfReaderServices;
  #start = 0;
  #count = 0;
  /** While all keys are atoms; with the name of the current one. */
  readonly #fields: Fields = {};
  #name = "";
  /** From the first key on that is no atom; with the current one. */
  #map: Map<unknown, unknown> | null = null;
  #key: unknown;
  #hasKey = false;
  /** Entries that have come. */
  #entries = 0;

  constructor(reader: EtfReaderServices) {
    this.#reader = reader;
  }

  begin(): unknown {
    this.#start = this.#reader.at;
    this.#count = this.#reader.mapHead();
    return this.#next();
  }

  add(value: unknown): unknown {
    if (this.#map === null) setField(this.#fields, this.#name, value);
    else if (this.#hasKey) {
      this.#map.set(this.#key, value);
      this.#hasKey = false;
    } else {
      this.#reader.keyLevel -= 1;
      this.#key = value;
      this.#hasKey = true;
      return more;
    }
    this.#entries += 1;
    return this.#next();
  }

  /** Reads up to the next term, which is a key unless that is an atom. */
  #next(): unknown {
    const reader = this.#reader;
    if (this.#entries === this.#count) {
      return this.#map === null
        ? reader.checkedFields(this.#fields, this.#count, this.#start)
        : reader.checkedMap(this.#map, this.#count, this.#start);
    }
    if (this.#map === null) {
      const name = reader.atomKey();
      if (name !== undefined) {
        this.#name = name;
        return more;
      }
      this.#map = mapOf(this.#fields, reader.atoms, this.#start);
    }
    reader.keyLevel += 1;
    return more;
  }
}

class ClosureFrame implements Frame {
  readonly #reader: EtfReaderServices;
  readonly #items: unknown[] = [];
  #head: ClosureHead | null = null;
  #count = 0;
  #wasExact = false;

  constructor(reader: EtfReaderServices) {
    this.#reader = reader;
  }

  begin(): unknown {
    const { head, free } = readClosureHead(this.#reader);
    this.#head = head;
    this.#count = free;
    this.#wasExact = this.#reader.exact;
    this.#reader.exact = true;
    return this.#end();
  }

  add(value: unknown): unknown {
    this.#items.push(value);
    return this.#end();
  }

  #end(): unknown {
    if (this.#items.length < this.#count) return more;
    this.#reader.exact = this.#wasExact;
    return new Closure({ ...this.#head!, free: this.#items });
  }
}
