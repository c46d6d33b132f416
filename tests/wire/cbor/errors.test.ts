/** Errors arrive with their fields; a field that cannot be sent is a text. */
import { describe, expect, it } from "vitest";
import { DecodeError } from "../../../runtime/wire/shared/errors.ts";
import { hostileValues } from "../../helpers/hostile_values.ts";
import { Pair } from "./pair.ts";

class QuotaError extends RangeError {
  override name = "QuotaError";
  code = "E_QUOTA";
}

type Fields = Readonly<Record<string, unknown>>;

function pass<T extends Error>(error: T): T & Fields {
  return new Pair().pass(error) as T & Fields;
}

describe("an error", () => {
  it("keeps its built-in class, name, stack, fields and cause", () => {
    const cause = Object.assign(new TypeError("inner"), { status: 404 });
    const sent = new QuotaError("outer", { cause });
    const got = pass(sent);
    expect(Object.getPrototypeOf(got)).toBe(RangeError.prototype);
    expect([got.name, got.message, got.code, got.stack])
      .toEqual(["QuotaError", "outer", "E_QUOTA", sent.stack]);
    expect(Object.keys(got)).toEqual(["code"]);
    const inner = got.cause as Error & Fields;
    expect(Object.getPrototypeOf(inner)).toBe(TypeError.prototype);
    expect(inner.message).toBe("inner");
    expect(inner["status"]).toBe(404);
  });

  it("keeps fields of any kind, and a field named __proto__", () => {
    const fields = { errno: -2, at: new Date(5), list: [1, { a: 1n }] };
    const sent = Object.assign(new Error("x"), fields);
    Object.defineProperty(sent, "__proto__", { value: 1, enumerable: true });
    const got = pass(sent);
    expect({ ...got }).toEqual({ ...sent });
    expect(Object.getPrototypeOf(got)).toBe(Error.prototype);
  });

  it("without a stack gets no stack of the receiver", () => {
    const sent = new Error("bare");
    Object.defineProperty(sent, "stack", { value: undefined });
    const got = pass(sent);
    expect(got.stack).toBe("Error: bare");
    expect("cause" in got).toBe(false);
    const caused = pass(new Error("x", { cause: undefined }));
    expect(Object.hasOwn(caused, "cause")).toBe(true);
    expect(Object.keys(caused)).toEqual([]);
    expect(new Error("here").stack).toContain("cbor/errors.test");
  });

  it("keeps its list of errors, and what it suppresses", () => {
    const got = pass(new AggregateError([new Error("a"), "b"], "two"));
    expect(got).toBeInstanceOf(AggregateError);
    expect(got.errors.map(String)).toEqual(["Error: a", "b"]);
    const both = pass(new SuppressedError(new Error("new"), "old", "x"));
    expect(both).toBeInstanceOf(SuppressedError);
    expect([both.error.message, both.suppressed]).toEqual(["new", "old"]);
    const odd = Object.assign(new AggregateError([], "x"), { errors: 5 });
    expect(pass(odd as AggregateError).errors).toBe(5);
  });

  it("that is a DOMException stays one", () => {
    const got = pass(new DOMException("late", "TimeoutError"));
    expect(got).toBeInstanceOf(DOMException);
    expect([got.name, got.message, got.code]).toEqual([
      "TimeoutError",
      "late",
      23,
    ]);
  });
});

describe("a field of an error", () => {
  it("that cannot be sent arrives as a text that says why", () => {
    const config = { retry: [() => 1] };
    const bytes = new Uint8Array(100_000);
    const sent = Object.assign(new Error("x", { cause: { why: () => 1 } }), {
      config,
      bytes: [bytes, Symbol("no atom")],
      kept: bytes,
      long: { ["k".repeat(1000)]: () => 1 },
    });
    const got = pass(sent);
    expect(got.cause).toBe(
      "(not sent: cannot encode message.cause.why: " +
        "a function cannot leave its node; send data)",
    );
    expect(got["config"]).toContain("message.config.retry[0]: a function");
    expect(got["bytes"]).toContain("message.bytes[1]: Symbol(no atom)");
    expect(got["kept"]).toEqual(bytes);
    expect(String(got["long"]).length).toBeLessThan(600);
  });

  it("that is the error itself, or holds itself, arrives as a text", () => {
    const sent: Error & { self?: unknown } = new Error("x");
    const loop: Record<string, unknown> = {};
    loop["again"] = [loop, loop];
    sent.self = { list: [sent] };
    sent.cause = new Error("y", { cause: sent });
    const got = pass(Object.assign(sent, { loop }));
    expect(got.self).toContain("message.self.list[0]: it is message again");
    const cause = got.cause as Error;
    expect(cause.cause).toContain("message.cause.cause: it is message again");
    expect(got["loop"]).toMatch(/^\(not sent: .*again\[0\].* again;/);
  });

  it("that is a function or has a symbol as key is left out", () => {
    const fields = { toString: () => "x", [Symbol("s")]: 1, code: 1 };
    const got = pass(Object.assign(new Error("x"), fields));
    expect(Reflect.ownKeys(got)).not.toContain("toString");
    expect(Object.getOwnPropertySymbols(got)).toEqual([]);
    expect(got["code"]).toBe(1);
  });

  it("may be deep; what is too deep alone becomes a text", () => {
    let value: unknown = "end";
    for (let i = 0; i < 3000; i++) value = [value];
    const got = pass(Object.assign(new Error("x"), { value }));
    let depth = 0;
    let inner = got["value"];
    while (Array.isArray(inner)) [inner, depth] = [inner[0], depth + 1];
    expect([depth, inner]).toEqual([3000, "end"]);
    let bad: unknown = () => 1;
    for (let i = 0; i < 3000; i++) bad = [bad];
    let text = pass(Object.assign(new Error("x"), { bad }))["bad"];
    while (Array.isArray(text)) text = text[0];
    expect(text).toContain("a function cannot leave its node");
  });

  it("may be a chain of a thousand causes", () => {
    let sent = new Error("0");
    for (let i = 1; i < 1000; i++) sent = new Error(`${i}`, { cause: sent });
    let count = 0;
    let got: unknown = pass(sent);
    for (; got instanceof Error; got = got.cause) count += 1;
    expect(count).toBe(1000);
  });

  it.each(Object.keys(hostileValues))("may be %s", (name) => {
    const value = hostileValues[name]!();
    const pair = new Pair();
    const got = pair.pass(Object.assign(new Error("x"), { value, code: 1 }));
    expect((got as Fields)["code"]).toBe(1);
    expect(pair.pass({ still: "in step" })).toEqual({ still: "in step" });
  });

  it("may have a getter that throws", () => {
    const sent = Object.defineProperty(new Error("x"), "field", {
      get: () => {
        throw new TypeError("read");
      },
      enumerable: true,
    });
    expect(pass(sent as Error & Fields)["field"]).toContain(
      "message.field: reading it threw TypeError: read",
    );
  });
});

describe("an error from a peer", () => {
  it.each<[string, readonly unknown[]]>([
    ["an unknown class", [99, "E", "x", undefined, 0]],
    ["a name that is no text", [0, 1, "x", undefined, 0]],
    ["a key without value", [0, "E", "x", undefined, 0, "k"]],
    ["a key that is no text", [0, "E", "x", undefined, 0, 1, 1]],
    ["a second name", [0, "E", "x", undefined, 0, "name", 1]],
    ["too few parts", [0, "E", "x"]],
  ])("with %s breaks the protocol", async (_, parts) => {
    const { readError } = await import(
      "../../../runtime/wire/cbor/error_term.ts"
    );
    expect(() => readError(parts)).toThrow(DecodeError);
  });
});
