/**
 * The runtime's own terms: atoms, pids, refs, tuples, and the values of BEAM
 * nodes without a counterpart in JavaScript.
 *
 * Terms are plain data. This module knows no bytes (see `wire`) and no actors: a
 * pid has a `target`, but only the node that made it reads it.
 * Term order follows the Erlang reference manual, "Term Comparisons".
 */

/** An atom is a registered symbol, so equal atoms are `===`. */
export type Atom = symbol;

/**
 * The atom of that name.
 *
 * Atoms are never freed: make them from a fixed set, never from input.
 *
 * @example
 * ```ts
 * import { atom } from "hornbeam";
 * console.log(atom("ok") === Symbol.for("ok")); // prints: true
 * ```
 */
export function atom(name: string): Atom {
  return Symbol.for(name);
}

/** Where the node of a pid keeps the actor; opaque to all other modules. */
export interface PidTarget {
  readonly alive: boolean;
}

/**
 * Where the owner of a ref keeps the alias that the ref is; opaque to all
 * modules but `signals/aliases.ts`.
 */
export interface RefTarget {
  /** When the alias is deactivated without a call. */
  readonly mode: string;
}

/**
 * The address of an actor. `M` is the type of the messages it accepts.
 *
 * Two equal pids are `===` within a thread, so pids work as `Map` keys. A pid
 * stays valid as a value after its actor has ended, and is never used again by
 * another actor of the same node incarnation (`creation`).
 */
export class Pid<in M = never> {
  /** Never set: it gives the type its variance. */
  declare readonly accepts?: (message: M) => void;
  /** Name of the actor's node, `part@host`. */
  readonly node: string;
  readonly id: number;
  readonly serial: number;
  /** Incarnation of the node. */
  readonly creation: number;
  /**
   * @internal The local actor while it is alive; else null.
   */
  target: PidTarget | null;
  /** @internal Whether the thread's table knows this object. */
  interned: boolean;

  /** @internal Pids are made by nodes and codecs only. */
  constructor(
    node: string,
    id: number,
    serial: number,
    creation: number,
    target: PidTarget | null,
  ) {
    this.node = node;
    this.id = id;
    this.serial = serial;
    this.creation = creation;
    this.target = target;
    this.interned = false;
  }

  /** Erlang's form: `#PID<0.94.0>`, first number 0 for a live local actor. */
  toString(): string {
    const first = this.target === null ? nodeNumber(this.node) : 0;
    return `#PID<${first}.${this.id}.${this.serial}>`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/**
 * A reference: unique per node incarnation.
 *
 * Refs that this node made are `===`; refs made elsewhere compare by `equals`.
 */
export class Ref {
  readonly node: string;
  readonly creation: number;
  /** Up to five unsigned 32-bit words, least significant first. */
  readonly words: readonly number[];
  /** @internal */
  interned: boolean;
  /** @internal The local actor that made it, if one did. */
  maker: Pid<unknown> | null = null;
  /** @internal Messages that its maker had been sent before. */
  mark: number = 0;
  /** @internal Set while it is an active alias. */
  alias: RefTarget | null = null;

  /** @internal Refs are made by nodes and codecs only. */
  constructor(node: string, creation: number, words: readonly number[]) {
    this.node = node;
    this.creation = creation;
    this.words = words;
    this.interned = false;
  }

  equals(other: unknown): boolean {
    if (this === other) return true;
    return other instanceof Ref && refKey(this) === refKey(other);
  }

  toString(): string {
    const words = this.words.toReversed().join(".");
    return `#Ref<${nodeNumber(this.node)}.${words}>`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/**
 * The consoles of all three runtimes call this to show a term.
 */
const inspect = Symbol.for("nodejs.util.inspect.custom");
for (const Class of [Pid, Ref]) {
  Object.defineProperty(Class.prototype, inspect, {
    value(this: Pid | Ref): string {
      return this.toString();
    },
  });
}

const nodeNumbers = new Map<string, number>();

/** A number for each node name, printed as the first number of a pid. */
function nodeNumber(node: string): number {
  let known = nodeNumbers.get(node);
  if (known === undefined) {
    known = nodeNumbers.size + 1;
    if (nodeNumbers.size < 10_000) nodeNumbers.set(node, known);
  }
  return known;
}

/** Table key of a pid: equal for equal pids. */
export function pidKey(
  node: string,
  id: number,
  serial: number,
  creation: number,
): string {
  return `${id}.${serial}.${creation}.${node}`;
}

/** Table key of a ref: equal for equal refs. */
export function refKey(ref: Ref): string {
  return `r${ref.words.join(".")}.${ref.creation}.${ref.node}`;
}

/**
 * A thread's table of pids and refs that crossed a codec, so that a value that
 * comes back is the same object. The platform's is weak, a simulator's strong.
 */
export interface PidTable {
  find(key: string): object | undefined;
  add(key: string, value: object): void;
  /**
   * A node's own pid by its numbers, if the actor lives: one that has reached
   * another node of the thread in some other way than through a codec.
   */
  own?(node: string, id: number, serial: number, creation: number): Pid | null;
}

/** The pid object of this thread for these numbers; made if there is none. */
export function internPid(
  table: PidTable,
  node: string,
  id: number,
  serial: number,
  creation: number,
): Pid {
  const key = pidKey(node, id, serial, creation);
  const known = table.find(key);
  if (known !== undefined) return known as Pid;
  const pid = table.own?.(node, id, serial, creation) ??
    new Pid(node, id, serial, creation, null);
  pid.interned = true;
  table.add(key, pid);
  return pid;
}

/** Adds a pid of this node to the table before it leaves the node. */
export function exportPid(table: PidTable, pid: Pid): void {
  if (pid.interned) return;
  pid.interned = true;
  table.add(pidKey(pid.node, pid.id, pid.serial, pid.creation), pid);
}

/** The thread's ref object if it is known there, else `ref` itself. */
export function internRef(table: PidTable, ref: Ref): Ref {
  const known = table.find(refKey(ref));
  return known === undefined ? ref : known as Ref;
}

/** Makes a ref of this node known to the thread before it leaves the node. */
export function exportRef(table: PidTable, ref: Ref): void {
  if (ref.interned) return;
  ref.interned = true;
  table.add(refKey(ref), ref);
}

/**
 * An Erlang tuple. Wraps an array, which engines run several times faster than
 * a subclass of it, and destructures like one.
 */
export class Tuple<T extends readonly unknown[] = readonly unknown[]> {
  readonly items: T;
  constructor(items: T) {
    this.items = items;
  }
  get length(): number {
    return this.items.length;
  }
  [Symbol.iterator](): ArrayIterator<T[number]> {
    return this.items[Symbol.iterator]() as ArrayIterator<T[number]>;
  }
  toString(): string {
    return `{${this.items.map(printTerm).join(", ")}}`;
  }
}

/** A tuple of these items. */
export function tuple<const T extends readonly unknown[]>(
  ...items: T
): Tuple<T> {
  return new Tuple(items);
}

/** A list whose tail is not a list: `[a, b | tail]`. */
export class ImproperList {
  readonly items: readonly unknown[];
  readonly tail: unknown;
  constructor(items: readonly unknown[], tail: unknown) {
    this.items = items;
    this.tail = tail;
  }
}

/** A number that stays a float on the way to BEAM even when it is integral. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
  valueOf(): number {
    return this.value;
  }
  toString(): string {
    return String(this.value);
  }
}

/** A float for BEAM: `float(1)` arrives there as `1.0`. */
export function float(value: number): Float {
  return new Float(value);
}

/** A port of a BEAM node: kept and given back, never used here. */
export class Port {
  readonly node: string;
  readonly id: bigint;
  readonly creation: number;
  constructor(node: string, id: bigint, creation: number) {
    this.node = node;
    this.id = id;
    this.creation = creation;
  }
}

/** `fun module:name/arity`. */
export class ExternalFun {
  readonly module: string;
  readonly name: string;
  readonly arity: number;
  constructor(module: string, name: string, arity: number) {
    this.module = module;
    this.name = name;
    this.arity = arity;
  }
}

/**
 * A fun of a BEAM node with what it has closed over: kept and given back,
 * never called here. To its node it is the same fun as long as `module`,
 * `index`, `uniq`, `oldUniq` and `free` are the same.
 */
export class Closure {
  readonly module: string;
  readonly arity: number;
  /** Number of the fun in its module. */
  readonly index: number;
  /** 16 bytes that tell this version of the module from others. */
  readonly uniq: Uint8Array;
  readonly oldIndex: number;
  readonly oldUniq: number;
  /** The process that made it. */
  readonly pid: Pid;
  /** What it has closed over, floats as in `exact` decoding. */
  readonly free: readonly unknown[];

  /** @internal Closures are made by codecs only. */
  constructor(fields: {
    readonly module: string;
    readonly arity: number;
    readonly index: number;
    readonly uniq: Uint8Array;
    readonly oldIndex: number;
    readonly oldUniq: number;
    readonly pid: Pid;
    readonly free: readonly unknown[];
  }) {
    this.module = fields.module;
    this.arity = fields.arity;
    this.index = fields.index;
    this.uniq = fields.uniq;
    this.oldIndex = fields.oldIndex;
    this.oldUniq = fields.oldUniq;
    this.pid = fields.pid;
    this.free = fields.free;
  }
}

/** Bits that do not fill their last byte. */
export class BitString {
  readonly bytes: Uint8Array;
  /** Bits used of the last byte, 1 to 7; they are its high ones. */
  readonly lastBits: number;
  constructor(bytes: Uint8Array, lastBits: number) {
    this.bytes = bytes;
    this.lastBits = lastBits;
  }
}

/** A short readable form for logs and errors; never throws, never long. */
export function printTerm(term: unknown): string {
  const text = printDeep(term, 3);
  return text.length > 400 ? `${text.slice(0, 397)}...` : text;
}

function printDeep(term: unknown, depth: number): string {
  switch (typeof term) {
    case "string":
      return JSON.stringify(
        term.length > 200 ? `${term.slice(0, 200)}...` : term,
      );
    case "symbol":
      return Symbol.keyFor(term) ?? term.toString();
    case "bigint":
      return `${term}n`;
    case "function":
      return printFunction(term);
    case "object":
      return term === null ? "null" : printObject(term, depth);
    default:
      return String(term);
  }
}

/** A name may be anything, and a proxy may throw when it is asked. */
function printFunction(term: { readonly name: string }): string {
  try {
    return `function ${term.name || "(anonymous)"}`;
  } catch {
    return "function (unprintable)";
  }
}

function printObject(term: object, depth: number): string {
  try {
    if (term instanceof Pid || term instanceof Ref) return term.toString();
    if (term instanceof Error) return `${term.name}: ${term.message}`;
    if (depth === 0) return Array.isArray(term) ? "[...]" : "{...}";
    const inner = (item: unknown) => printDeep(item, depth - 1);
    if (Array.isArray(term)) {
      return `[${term.slice(0, 20).map(inner).join(", ")}]`;
    }
    if (term instanceof Tuple) return `{${term.items.map(inner).join(", ")}}`;
    if (term instanceof Uint8Array) return `<<${term.length} bytes>>`;
    if (term instanceof Map || term instanceof Set) {
      return `${term.constructor.name}(${term.size})`;
    }
    const entries = Object.entries(term).slice(0, 20)
      .map(([key, value]) => `${key}: ${inner(value)}`);
    return `{ ${entries.join(", ")} }`;
  } catch {
    return "(unprintable)";
  }
}
