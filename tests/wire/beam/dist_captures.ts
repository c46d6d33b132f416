/**
 * Recorded frames of real BEAM nodes (`tests/fixtures/dist_captures.txt`), and
 * terms printed as they are written there.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  Closure,
  ExternalFun,
  Float,
  ImproperList,
  Pid,
  type PidTable,
  Ref,
  Tuple,
} from "../../../runtime/core/terms/terms.ts";
import type { DistForm } from "../../../runtime/wire/beam/dist_header.ts";
import { fromHex } from "../../helpers/hex.ts";
import { root } from "../../helpers/processes.ts";

export type CapturedFrame = {
  readonly bytes: Uint8Array;
  readonly from: string;
  /** Absent for a fragment. */
  readonly control: string | undefined;
  readonly payload: string | undefined;
};

/** One direction of a recorded connection. */
export type Capture = {
  readonly title: string;
  readonly form: DistForm;
  readonly from: string;
  readonly to: string;
  readonly frames: readonly CapturedFrame[];
};

/** The recorded connections, each direction for itself. */
export function captures(): readonly Capture[] {
  const all: (Capture & { readonly frames: CapturedFrame[] })[] = [];
  let current: { readonly [sign: string]: (typeof all)[number] } = {};
  const path = join(root, "tests/fixtures/dist_captures.txt");
  const lines = readFileSync(path, "utf8").split("\n");
  lines.forEach((line, i) => {
    const sign = line[0] ?? "";
    if (sign === "=") {
      const [form = "", left = "", right = ""] = line.slice(2).split(" ");
      const make = (from: string, to: string) => ({
        title: `${form}, ${from} to ${to}`,
        ...{ form: form as DistForm, from, to, frames: [] },
      });
      current = { ">": make(left, right), "<": make(right, left) };
      all.push(...Object.values(current));
    } else if (sign === ">" || sign === "<") {
      const below = lines.slice(i + 1, i + 3);
      const [control, payload] = below.map((text, j) =>
        below.slice(0, j + 1).every((other) => other.startsWith("  "))
          ? text.slice(2)
          : undefined
      );
      const { from, frames } = current[sign]!;
      const bytes = fromHex(line.slice(2));
      frames.push({ bytes, from, control, payload });
    }
  });
  return all.filter(({ frames }) => frames.length > 0);
}

/** A table of pids for a test, strong and its own. */
export function pidTable(): PidTable {
  const known = new Map<string, object>();
  return {
    find: (key) => known.get(key),
    add: (key, value) => void known.set(key, value),
  };
}

/** A term as the captures write it. */
export function printCaptured(term: unknown): string {
  switch (typeof term) {
    case "symbol":
      return printAtom(Symbol.keyFor(term) ?? "");
    case "string":
      return `b'${term.replaceAll("\n", "\\n")}'`;
    case "object":
      return term === null ? "nil" : printObject(term);
    default:
      return String(term);
  }
}

function printAtom(name: string): string {
  return /^[a-z][A-Za-z0-9_]*$/.test(name) ? name : `'${name}'`;
}

function printObject(term: object): string {
  const hex = (number: number) => number.toString(16);
  if (term instanceof Pid) {
    const { node, id, serial, creation } = term;
    return `Pid<${node}.${id}.${serial}/${hex(creation)}>`;
  }
  if (term instanceof Ref) {
    return `Ref<${term.node}/${hex(term.creation)}.${
      term.words.map(hex).join(".")
    }>`;
  }
  if (term instanceof Tuple) {
    return `{${term.items.map(printCaptured).join(",")}}`;
  }
  if (term instanceof ImproperList) {
    const items = term.items.map(printCaptured).join(", ");
    return `[${items}|${printCaptured(term.tail)}]`;
  }
  if (Array.isArray(term)) return `[${term.map(printCaptured).join(", ")}]`;
  if (term instanceof Float) return String(term.value);
  if (term instanceof ExternalFun) {
    return `fun ${term.module}:${term.name}/${term.arity}`;
  }
  if (term instanceof Closure) {
    const { module, arity, index, oldIndex, oldUniq, pid, free } = term;
    const parts = [arity, index, oldIndex, oldUniq, pid, free];
    return `#Fun(${[module, ...parts.map(printCaptured)].join(", ")})`;
  }
  if (term instanceof Uint8Array) return `b'${String.fromCharCode(...term)}'`;
  const entries = term instanceof Map
    ? [...term].map(([key, value]) => [printCaptured(key), value])
    : Object.entries(term).map(([key, value]) => [printAtom(key), value]);
  return `#{${
    entries.map(([key, value]) => `${key}=>${printCaptured(value)}`).join(",")
  }}`;
}
