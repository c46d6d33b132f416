/**
 * Reads pids, references, ports and funs, with today's tags and with those of
 * old nodes and files.
 */

import {
  type Closure,
  ExternalFun,
  internRef,
  type Pid,
  Port,
  Ref,
} from "../../../core/terms/terms.ts";
import { isOf } from "../../shared/incarnation.ts";
import type { EtfReaderServices } from "./services.ts";
import {
  OLD_CREATION_MAX,
  OLD_REFERENCE_WORD_MAX,
  printTag,
  REFERENCE_WORDS_MAX,
  tags,
} from "../tags.ts";

/** The term behind a tag; throws a `DecodeError` for any other tag. */
export function readIdentity(
  reader: EtfReaderServices,
  tag: number,
  start: number,
): unknown {
  switch (tag) {
    case tags.newPid:
    case tags.pid:
      return readPid(reader, tag, start);
    case tags.newerReference:
    case tags.newReference:
    case tags.reference:
      return readRef(reader, tag, start);
    case tags.v4Port:
    case tags.newPort:
    case tags.port:
      return readPort(reader, tag, start);
    case tags.export: {
      const module = reader.name();
      const name = reader.name();
      return new ExternalFun(module, name, reader.integer(0));
    }
    case tags.compressed:
      return reader.fail("expected no compressed term inside another", start);
    case tags.fun:
      return reader.fail("expected no fun of a node before OTP 23", start);
    case tags.local:
      return reader.fail(
        "expected no term that only its own node can read",
        start,
      );
    default:
      return reader.fail(`expected a term, got ${printTag(tag)}`, start);
  }
}

function readPid(reader: EtfReaderServices, tag: number, start: number): Pid {
  const node = reader.name();
  const id = reader.u32();
  const serial = reader.u32();
  const creation = readCreation(reader, tag === tags.newPid, start);
  return reader.recentPids.get(node, id, serial, creation);
}

/** The creation of a node; the old tags have 2 bits for it. */
function readCreation(
  reader: EtfReaderServices,
  isNew: boolean,
  start: number,
): number {
  if (isNew) return reader.u32();
  const creation = reader.u8();
  if (creation <= OLD_CREATION_MAX) return creation;
  return reader.fail(`expected a creation of 0 to 3, got ${creation}`, start);
}

function readRef(reader: EtfReaderServices, tag: number, start: number): Ref {
  const count = tag === tags.reference ? 1 : reader.u16();
  if (count > REFERENCE_WORDS_MAX) {
    reader.fail(`expected at most 5 words, got ${count}`, start);
  }
  const node = reader.name();
  const words: number[] = [];
  // The oldest tag has its one word in front of the creation.
  if (tag === tags.reference) words.push(reader.u32());
  const creation = readCreation(reader, tag === tags.newerReference, start);
  while (words.length < count) words.push(reader.u32());
  if (tag !== tags.newerReference && (words[0] ?? 0) > OLD_REFERENCE_WORD_MAX) {
    reader.fail(`expected a first word of 18 bits, got ${words[0]}`, start);
  }
  const ref = new Ref(node, creation, words);
  // Only refs of this node are in the table of the thread.
  return reader.self === null || isOf(ref, reader.self)
    ? internRef(reader.pids, ref)
    : ref;
}

function readPort(reader: EtfReaderServices, tag: number, start: number): Port {
  const node = reader.name();
  const high = tag === tags.v4Port ? reader.u32() : 0;
  const id = BigInt(high) << 32n | BigInt(reader.u32());
  return new Port(node, id, readCreation(reader, tag !== tags.port, start));
}

/** A closure without the values of its free variables. */
export type ClosureHead = Omit<Closure, "free">;

/** Reads a closure up to its free variables; `free` is their number. */
export function readClosureHead(
  reader: EtfReaderServices,
): { head: ClosureHead; free: number } {
  const start = reader.at;
  reader.skip(1);
  reader.spend(start);
  // The size, which BEAM nodes do not check either.
  reader.u32();
  const arity = reader.u8();
  const end = reader.skip(16);
  const uniq = reader.bytes.slice(end - 16, end);
  const index = reader.u32();
  const free = reader.u32();
  const module = reader.name();
  const oldIndex = reader.integer();
  const oldUniq = reader.integer();
  const at = reader.at;
  const tag = reader.u8();
  if (tag !== tags.newPid && tag !== tags.pid) {
    reader.fail(`expected the pid of a fun's maker, got ${printTag(tag)}`, at);
  }
  const pid = readPid(reader, tag, at);
  // Promised only here, because the terms above come first.
  reader.promise(free, start);
  const head = { arity, uniq, index, module, oldIndex, oldUniq, pid };
  return { head, free };
}
