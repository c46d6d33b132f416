/**
 * Short helpers for the tests of the term codec.
 */
import {
  decode,
  DecodeError,
  encode,
  EncodeError,
} from "../../../runtime/etf.ts";
import { Output } from "../../../runtime/wire/etf/output.ts";
import {
  EtfReader,
  type EtfReaderOptions,
} from "../../../runtime/wire/etf/reader/reader.ts";
import {
  EtfWriter,
  type EtfWriterOptions,
} from "../../../runtime/wire/etf/writer/writer.ts";
import { fromHex, toHex } from "../../helpers/hex.ts";
import { strongTable } from "../cbor/pair.ts";

export const atom: (name: string) => symbol = Symbol.for;

export function u8(...bytes: number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}

/** The bytes of `text`, in which blanks may stand. */
export function bytesOf(text: string): Uint8Array {
  return fromHex(text.replaceAll(" ", ""));
}

/** The term of these bytes, which are given without the version. */
export function from(
  text: string,
  options?: Parameters<typeof decode>[1],
): unknown {
  return decode(bytesOf(`83${text}`), options);
}

/** The bytes of a term, without the version. */
export function hex(term: unknown): string {
  return toHex(encode(term)).slice(2);
}

export function reader(options: Partial<EtfReaderOptions> = {}): EtfReader {
  return new EtfReader({ pids: strongTable(), ...options });
}

/** The value that a reader reads. */
export function read(text: string, by: EtfReader = reader()): unknown {
  by.beginInput(bytesOf(text));
  return by.read();
}

export function writer(options: Partial<EtfWriterOptions> = {}): EtfWriter {
  return new EtfWriter({ pids: strongTable(), ...options });
}

/** The bytes that a writer writes. */
export function written(term: unknown, by: EtfWriter = writer()): string {
  const out = new Output();
  by.write(term, out);
  return toHex(out.takeCopy());
}

/** Why a writer refuses a term; nothing was written then. */
export function encodeRefusal(
  term: unknown,
  by: EtfWriter = writer(),
): EncodeError {
  const out = new Output();
  out.writeByte(1);
  try {
    by.write(term, out);
  } catch (error) {
    if (!(error instanceof EncodeError) || out.length !== 1) throw error;
    return error;
  }
  throw new Error("expected a refusal");
}

/** Why bytes are refused. */
export function decodeRefusal(act: () => unknown): DecodeError {
  try {
    act();
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
  throw new Error("expected a refusal");
}

/** Names of nodes, and the parts of a closure, as bytes. */
export const NODE_HEX: string = "77036e4068";
export const CLOSURE_HEAD: string = "00000000 01 " + "05".repeat(16) +
  " 00000002";
export const CLOSURE_TAIL: string =
  `77016d 6103 6104 58${NODE_HEX}000000010000000200000003`;

/** The innermost term of `nested`. */
export const INNERMOST: string = "77017a";

/** A term of so many levels: lists, tuples and maps. */
export function nested(levels: number): string {
  const parts: string[] = [];
  const ends: string[] = [];
  for (let i = 0; i < levels; i++) {
    parts.push(["6c00000001", "6801", "740000000177016b"][i % 3]!);
    ends.push(i % 3 === 0 ? "6a" : "");
  }
  return parts.join("") + INNERMOST + ends.reverse().join("");
}
