/**
 * Reads terms below the depth to which the reader calls itself. Open containers
 * are kept in a list instead of on the stack.
 */

import { Closure, ImproperList, Tuple } from "../../../core/terms/terms.ts";
import { type ClosureHead, readClosureHead } from "./identities.ts";
import { RECURSION_MAX, TERM_DEPTH_MAX } from "../limits.ts";
import type { Fields } from "../shapes.ts";
import { mapOf, setField } from "./maps.ts";
import type { EtfReaderServices } from "./services.ts";
import { tags } from "../tags.ts";

/** Returned by a container of which terms are still to come. */
const more: unique symbol = Symbol("more");

/** A container that is being read. */
interface OpenContainer {
  /** Reads up to the first term; returns the container when it has none. */
  readHead(): unknown;
  /** Takes the next term; returns the container when that was the last. */
  add(value: unknown): unknown;
}

/** Reads the next term. */
export function readDeep(reader: EtfReaderServices): unknown {
  const open: OpenContainer[] = [];
  for (;;) {
    const container = containerFor(reader);
    let value: unknown;
    if (container === null) value = reader.term(RECURSION_MAX);
    else {
      if (RECURSION_MAX + open.length >= TERM_DEPTH_MAX) {
        reader.fail(`expected at most ${TERM_DEPTH_MAX} levels`, reader.at);
      }
      open.push(container);
      reader.start = reader.at;
      reader.owed -= 1;
      value = container.readHead();
      if (value !== more) open.pop();
    }
    while (value !== more) {
      const around = open.at(-1);
      if (around === undefined) return value;
      value = around.add(value);
      if (value !== more) open.pop();
    }
  }
}

/** The next container; null when the next term is not a container. */
function containerFor(reader: EtfReaderServices): OpenContainer | null {
  switch (reader.at < reader.end ? reader.bytes[reader.at] : -1) {
    case tags.smallTuple:
    case tags.largeTuple:
      return new OpenTuple(reader);
    case tags.list:
      return new OpenList(reader);
    case tags.map:
      return new OpenMap(reader);
    case tags.newFun:
      return new OpenClosure(reader);
    default:
      return null;
  }
}

class OpenTuple implements OpenContainer {
  readonly #reader: EtfReaderServices;
  readonly #items: unknown[] = [];
  #count = 0;

  constructor(reader: EtfReaderServices) {
    this.#reader = reader;
  }

  readHead(): unknown {
    this.#count = this.#reader.tupleHead();
    return this.#count > 0 ? more : new Tuple(this.#items);
  }

  add(value: unknown): unknown {
    const items = this.#items;
    return items.push(value) < this.#count ? more : new Tuple(items);
  }
}

class OpenList implements OpenContainer {
  readonly #reader: EtfReaderServices;
  readonly #items: unknown[] = [];
  /** Items that come before the tail; negative when the tail comes next. */
  #left = 0;

  constructor(reader: EtfReaderServices) {
    this.#reader = reader;
  }

  readHead(): unknown {
    this.#left = this.#reader.listHead();
    return this.#left > 0 ? more : this.#readTail();
  }

  add(value: unknown): unknown {
    const items = this.#items;
    if (this.#left < 0) {
      return items.length === 0 ? value : new ImproperList(items, value);
    }
    items.push(value);
    return --this.#left > 0 ? more : this.#readTail();
  }

  #readTail(): unknown {
    this.#left = this.#reader.listTail(this.#items);
    return this.#left === 0 ? this.#items : more;
  }
}

class OpenMap implements OpenContainer {
  readonly #reader: EtfReaderServices;
  #start = 0;
  #count = 0;
  /** The fields while all keys are atoms, and the name of the current key. */
  readonly #fields: Fields = {};
  #name = "";
  /** The map once a key was no atom, and the current key. */
  #map: Map<unknown, unknown> | null = null;
  #key: unknown;
  #hasKey = false;
  /** Entries that were read. */
  #entries = 0;

  constructor(reader: EtfReaderServices) {
    this.#reader = reader;
  }

  readHead(): unknown {
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

  /** Reads up to the next term: the next key, or the value of an atom key. */
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

class OpenClosure implements OpenContainer {
  readonly #reader: EtfReaderServices;
  readonly #items: unknown[] = [];
  #head: ClosureHead | null = null;
  #count = 0;
  #wasExact = false;

  constructor(reader: EtfReaderServices) {
    this.#reader = reader;
  }

  readHead(): unknown {
    const { head, free } = readClosureHead(this.#reader);
    this.#head = head;
    this.#count = free;
    this.#wasExact = this.#reader.exact;
    this.#reader.exact = true;
    return this.#finish();
  }

  add(value: unknown): unknown {
    this.#items.push(value);
    return this.#finish();
  }

  #finish(): unknown {
    if (this.#items.length < this.#count) return more;
    this.#reader.exact = this.#wasExact;
    return new Closure({ ...this.#head!, free: this.#items });
  }
}
