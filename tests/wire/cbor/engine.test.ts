/** The behaviour of cbor-x on which the codec relies. */
import * as theirs from "cbor-x";
import { describe, expect, it } from "vitest";
import {
  decodeItems,
  encodeToPool,
  releasePool,
  Tagged,
} from "../../../runtime/wire/cbor/engine.ts";
import { tags } from "../../../runtime/wire/cbor/tags.ts";
import { EncodeError } from "../../../runtime/wire/shared/errors.ts";
import { Pair } from "./pair.ts";

function encode(value: unknown): Uint8Array {
  const pool = encodeToPool(value);
  return Uint8Array.from(pool.subarray(pool.start, pool.end));
}

function decode(bytes: Uint8Array): unknown[] {
  const items: unknown[] = [];
  decodeItems(bytes, (item) => items.push(item));
  return items;
}

describe("cbor-x", () => {
  it("writes to the same place of the same pool each time", () => {
    const first = encodeToPool([1, 2, 3]);
    const { start } = first;
    const second = encodeToPool("text");
    expect(second).toBe(first);
    expect(second.start).toBe(start);
    expect(second.end - second.start).toBe(5);
  });

  it("releases a pool that has grown for a large value", () => {
    const small = encodeToPool(1);
    const large = encodeToPool("x".repeat(3_000_000));
    expect(large.length).toBeGreaterThan(3_000_000);
    releasePool(large);
    expect(encodeToPool(2)).toBe(small);
    const pair = new Pair();
    pair.send("\u00e4".repeat(2_000_000));
    expect(pair.receive()).toHaveLength(1);
    expect(encodeToPool(3).length).toBeLessThan(2 ** 20 + 1);
  });

  it("writes bytes without a tag and reads them as copies", () => {
    const bytes = encode(new Uint8Array([1, 2]));
    expect(bytes).toEqual(Uint8Array.of(0x42, 1, 2));
    const [copy] = decode(bytes) as [Uint8Array];
    expect(copy.constructor).toBe(Uint8Array);
    expect(copy.buffer.byteLength).toBe(2);
  });

  it("reads a sequence of items", () => {
    expect(decode(Uint8Array.of(1, 0x61, 0x61, 0xf6))).toEqual([1, "a", null]);
  });

  it("used by the program does not see the codec's extensions", () => {
    const bytes = encode(new Tagged(tags.date, 1000));
    expect(theirs.decode(bytes)).toEqual(new theirs.Tag(1000, tags.date));
    const set = theirs.encode(new Set([1]));
    expect(theirs.decode(set)).toEqual(new Set([1]));
  });

  it("is not reached by proxies of built-in classes", () => {
    const inside = [new Uint8Array(3), new Map([[1, 2]]), new Date(0)];
    for (const value of inside) {
      const proxy = new Proxy(value, {});
      expect(() => new Pair().pass(proxy)).toThrow(EncodeError);
      expect(() => new Pair().pass([proxy])).toThrow(EncodeError);
    }
  });
});
