/**
 * Stand-alone terms in Erlang's external term format: the bytes that
 * `term_to_binary` returns and `binary_to_term` reads.
 *
 * Follows the Erlang/OTP documentation, "External Term Format". The tables of
 * terms and their JavaScript values are at the head of `writer/writer.ts` and of
 * `reader/reader.ts`. Not here: the frames of the distribution protocol, whose
 * terms these two write and read directly.
 */

import type { PidTable } from "../../core/terms/terms.ts";
import { DecodeError } from "../shared/errors.ts";
import { KeyAtoms, PeerAtoms } from "./atoms.ts";
import { PEER_ATOMS_MAX } from "./limits.ts";
import { Output } from "./output.ts";
import { EtfReader } from "./reader/reader.ts";
import { ETF_VERSION, printTag, tags } from "./tags.ts";
import { EtfWriter } from "./writer/writer.ts";

/** zlib, which the platform passes in. */
export type Zlib = {
  /** Level 0 to 9. */
  deflate(data: Uint8Array, level: number): Uint8Array;
  /** Throws for invalid data, and when it inflates to more than `size` bytes. */
  inflate(data: Uint8Array, size: number): Uint8Array;
};

export type EncodeOptions = {
  /**
   * Compresses the term where that makes it smaller: true, or zlib's level
   * from 0 to 9. Default false. No node accepts a compressed term in a message.
   */
  readonly compressed?: boolean | number;
};

export type DecodeOptions = {
  /**
   * Whether integral floats arrive as `Float` objects, so that `encode` gives
   * the same bytes again. Default false: they arrive as numbers, which
   * `encode` takes for integers.
   */
  readonly exact?: boolean;
  /**
   * "text", the default: a binary that is UTF-8 arrives as a string, another
   * one as a `Uint8Array`. "bytes": always as a `Uint8Array`.
   */
  readonly binaries?: "text" | "bytes";
};

const nothing = new Uint8Array(0);

/** Size of the buffers that small results share, and of a small result. */
const SHARED_BYTES = 32 * 1024;
const SHARED_BYTES_MAX = 4 * 1024;

/** Atoms that are remembered from call to call. */
const REMEMBERED_MAX = 10_000;

/** A table in which one call may add as many atoms as one peer may send. */
function newAtoms(): PeerAtoms {
  return new PeerAtoms({ atomsMax: PEER_ATOMS_MAX + REMEMBERED_MAX });
}

/** zlib inflates one byte, or no byte, to at most this many bytes. */
const INFLATION_MAX = 1040;

/** zlib's level when none is given. */
const DEFAULT_LEVEL = 6;

/** Writes and reads stand-alone terms of one thread. */
export class TermCodec {
  readonly #pids: PidTable;
  readonly #zlib: Zlib;
  readonly #keyAtoms: KeyAtoms = new KeyAtoms();
  readonly #writer: EtfWriter;
  readonly #output: Output = new Output({ bufferBytes: SHARED_BYTES });
  #atoms: PeerAtoms = newAtoms();
  /** The reader without options, and the others by their options. */
  #plainReader: EtfReader | null = null;
  readonly #readers: Map<string, EtfReader> = new Map();

  constructor(options: { readonly pids: PidTable; readonly zlib: Zlib }) {
    this.#pids = options.pids;
    this.#zlib = options.zlib;
    const { pids } = options;
    this.#writer = new EtfWriter({ pids, keyAtoms: this.#keyAtoms });
  }

  /** The bytes of a term. Throws an `EncodeError` for a value that is no term. */
  encode(term: unknown, options?: EncodeOptions): Uint8Array<ArrayBuffer> {
    if (this.#writer.isWriting) {
      // A getter of a term that is being encoded has called this.
      const another = new TermCodec({ pids: this.#pids, zlib: this.#zlib });
      return another.encode(term, options);
    }
    // The limit holds for one call; the writer's own tables are bounded, too.
    this.#keyAtoms.rollback(0);
    const output = this.#output;
    output.writeByte(ETF_VERSION);
    try {
      this.#writer.write(term, output, "term");
    } catch (error) {
      output.takeCopy();
      throw error;
    }
    const bytes = output.length <= SHARED_BYTES_MAX
      ? output.takeWhole()
      : output.takeCopy();
    const compressed = options?.compressed ?? false;
    if (compressed === false) return bytes;
    const level = compressed === true ? DEFAULT_LEVEL : compressed;
    return this.#compress(bytes, level);
  }

  /**
   * The term that the bytes begin with. Bytes behind it are ignored, as by
   * `binary_to_term`. Throws a `DecodeError` for bytes that are no term.
   */
  decode(bytes: Uint8Array, options?: DecodeOptions): unknown {
    if (bytes[0] !== ETF_VERSION) {
      throw new DecodeError(
        `expected a term, which begins with ${ETF_VERSION}`,
        0,
      );
    }
    if (this.#atoms.size > REMEMBERED_MAX) this.#forget();
    const reader = options === undefined
      ? this.#plainReader ??= this.#newReader()
      : this.#reader(options);
    if (bytes[1] === tags.compressed) reader.beginInput(this.#inflate(bytes));
    else reader.beginInput(bytes, 1);
    try {
      return reader.read();
    } finally {
      // The reader must not keep the bytes, which may be many.
      reader.beginInput(nothing);
    }
  }

  #forget(): void {
    this.#atoms = newAtoms();
    this.#readers.clear();
    this.#plainReader = null;
  }

  #reader(options: DecodeOptions): EtfReader {
    const { exact = false, binaries = "text" } = options;
    const key = `${exact} ${binaries}`;
    let reader = this.#readers.get(key);
    if (reader === undefined) {
      reader = this.#newReader({ exact, binaries });
      this.#readers.set(key, reader);
    }
    return reader;
  }

  #newReader(options: DecodeOptions = {}): EtfReader {
    return new EtfReader({ pids: this.#pids, atoms: this.#atoms, ...options });
  }

  #compress(
    bytes: Uint8Array<ArrayBuffer>,
    level: number,
  ): Uint8Array<ArrayBuffer> {
    const deflated = this.#zlib.deflate(bytes.subarray(1), level);
    const head = 6;
    if (head + deflated.length >= bytes.length) return bytes;
    const packed = new Uint8Array(head + deflated.length);
    packed[0] = ETF_VERSION;
    packed[1] = tags.compressed;
    new DataView(packed.buffer).setUint32(2, bytes.length - 1);
    packed.set(deflated, head);
    return packed;
  }

  #inflate(bytes: Uint8Array): Uint8Array {
    const fail = (problem: string): never => {
      throw new DecodeError(`${problem} in ${printTag(tags.compressed)}`, 1);
    };
    if (bytes.length < 6) return fail("expected more bytes");
    const view = new DataView(bytes.buffer, bytes.byteOffset, 6);
    const size = view.getUint32(2);
    const data = bytes.subarray(6);
    if (size > INFLATION_MAX * (data.length + 1)) {
      return fail(`expected fewer than ${size} bytes from ${data.length}`);
    }
    let inflated: Uint8Array;
    try {
      inflated = this.#zlib.inflate(data, size);
    } catch (error) {
      return fail(`expected zlib data of ${size} bytes: ${String(error)}`);
    }
    return inflated.length === size
      ? inflated
      : fail(`expected ${size} bytes, got ${inflated.length},`);
  }
}
