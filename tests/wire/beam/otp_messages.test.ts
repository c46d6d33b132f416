/**
 * The runtime's own messages in OTP's form, and which tuples become one here.
 */
import { describe, expect, test } from "vitest";
import {
  Call,
  Cast,
  SystemRequest,
} from "../../../runtime/core/messages/requests.ts";
import {
  Down,
  Exit,
  NodeDown,
  NodeUp,
  Timeout,
} from "../../../runtime/core/messages/runtime_messages.ts";
import {
  atom,
  float,
  ImproperList,
  Pid,
  Ref,
  tuple,
} from "../../../runtime/core/terms/terms.ts";
import { counterparts } from "../../../runtime/core/messages/otp_terms.ts";
import { fromOtp, replyOf } from "../../../runtime/wire/beam/otp_messages.ts";

const pid = new Pid("a@h", 1, 0, 7, null);
const ref = new Ref("a@h", 7, [1, 2, 3]);
const alias = new ImproperList([atom("alias")], ref);

/** The term that is written for an object. */
function written(value: object): unknown {
  return counterparts.get(Object.getPrototypeOf(value) as object)?.(value);
}

describe("the term that is written for", () => {
  const named = { name: "echo", node: "b@h" };
  test.each<[string, object, unknown]>([
    [
      "a call of ours",
      new Call({ pid, tag: ref }, "ask"),
      tuple(atom("$gen_call"), tuple(pid, alias), "ask"),
    ],
    [
      "a call of theirs that is passed on",
      new Call({ pid, tag: ref, isOtp: true }, "ask"),
      tuple(atom("$gen_call"), tuple(pid, ref), "ask"),
    ],
    ["a cast", new Cast([1]), tuple(atom("$gen_cast"), [1])],
    [
      "a system request",
      new SystemRequest({ pid, tag: "t", isOtp: true }, atom("get_state")),
      tuple(atom("system"), tuple(pid, "t"), atom("get_state")),
    ],
    [
      "a down of a pid",
      new Down(ref, pid, "why"),
      tuple(atom("DOWN"), ref, atom("process"), pid, "why"),
    ],
    [
      "a down of a name, with a tag",
      new Down(ref, named, "why", tuple(1)),
      tuple(
        tuple(1),
        ref,
        atom("process"),
        tuple(atom("echo"), atom("b@h")),
        "why",
      ),
    ],
    ["an exit", new Exit(pid, 1), tuple(atom("EXIT"), pid, 1)],
    [
      "a timeout",
      new Timeout(ref, "late"),
      tuple(atom("timeout"), ref, "late"),
    ],
    ["a nodeup", new NodeUp("b@h"), tuple(atom("nodeup"), atom("b@h"))],
    [
      "a nodedown",
      new NodeDown("b@h", "why"),
      tuple(atom("nodedown"), atom("b@h")),
    ],
  ])("%s", (_, value, term) => {
    expect(written(value)).toEqual(term);
  });
});

describe("the message that is read from", () => {
  const otp = (tag: unknown) => ({ pid, tag, isOtp: true }) as const;
  test.each<[string, unknown, unknown]>([
    [
      "a call",
      tuple(atom("$gen_call"), tuple(pid, alias), 1),
      new Call(otp(alias), 1),
    ],
    [
      "a call with any tag",
      tuple(atom("$gen_call"), tuple(pid, tuple(ref, atom("b@h"))), undefined),
      new Call(otp(tuple(ref, atom("b@h"))), undefined),
    ],
    ["a cast", tuple(atom("$gen_cast"), null), new Cast(null)],
    [
      "a system request",
      tuple(atom("system"), tuple(pid, ref), atom("suspend")),
      new SystemRequest(otp(ref), atom("suspend")),
    ],
  ])("%s", (_, term, message) => {
    expect(fromOtp(term, null)).toEqual(message);
  });

  test.each<[string, unknown]>([
    ["no tuple", [atom("$gen_cast"), 1]],
    ["an empty tuple", tuple()],
    ["a cast that is too long", tuple(atom("$gen_cast"), 1, 2)],
    ["a cast that is too short", tuple(atom("$gen_cast"))],
    ["a call without a sender", tuple(atom("$gen_call"), tuple(1, ref), 1)],
    ["a call without a tag", tuple(atom("$gen_call"), tuple(pid), 1)],
    ["a call that is too short", tuple(atom("$gen_call"), tuple(pid, ref))],
    ["a system request from a list", tuple(atom("system"), [pid, ref], 1)],
    ["text in place of an atom", tuple("$gen_cast", 1)],
    [
      "a down, which only the own node may tell",
      tuple(
        ...[atom("DOWN"), ref, atom("process"), pid, 1],
      ),
    ],
    ["an exit", tuple(atom("EXIT"), pid, 1)],
    ["a timeout", tuple(atom("timeout"), ref, 1)],
    ["a nodeup", tuple(atom("nodeup"), atom("b@h"))],
  ])("%s stays what it is", (_, term) => {
    expect(fromOtp(term, null)).toBe(term);
  });

  test("a term that goes back to its sender is read once more, with its floats", () => {
    let count = 0;
    /** The term as a reader without `exact` has read it, and the exact term. */
    const read = (loose: unknown, exact: unknown) =>
      fromOtp(loose, {
        rereadExactly: () => {
          count++;
          return exact;
        },
      });
    const call = (tag: unknown) => tuple(atom("$gen_call"), tuple(pid, tag), 1);
    expect(read(call(tuple(ref, 1)), call(tuple(ref, float(1)))))
      .toEqual(new Call(otp(tuple(ref, float(1))), 1));
    const request = (value: unknown) =>
      tuple(atom("io_request"), pid, value, tuple(atom("put_chars"), value));
    expect(read(request(1), request(float(1)))).toEqual(request(float(1)));
    expect(count).toBe(2);
    for (const tag of [ref, alias]) {
      expect(read(call(tag), null)).toEqual(new Call(otp(tag), 1));
    }
    expect(read(tuple(atom("$gen_cast"), 1), null)).toEqual(new Cast(1));
    expect(count).toBe(2);
  });
});

describe("a reply", () => {
  test.each<[string, unknown]>([
    ["to an alias", alias],
    ["to one of many servers", new ImproperList([alias], ref)],
    ["to one of many, in a proper list", [alias]],
    ["to one of many, with more behind it", [alias, 1, 2]],
  ])("%s is recognised by its tag", (_, tag) => {
    expect(replyOf(tuple(tag, "value"))).toEqual({
      alias: ref,
      value: "value",
    });
  });

  test.each<[string, unknown]>([
    ["a plain reference", tuple(ref, 1)],
    ["a tag of another word", tuple(new ImproperList([atom("other")], ref), 1)],
    [
      "an alias that is no reference",
      tuple(
        ...[new ImproperList([atom("alias")], pid), 1],
      ),
    ],
    [
      "two words in front of it",
      tuple(
        new ImproperList([atom("alias"), 1], ref),
        1,
      ),
    ],
    ["an empty list", tuple([], 1)],
    ["three elements", tuple(alias, 1, 2)],
    ["no tuple", [alias, 1]],
  ])("%s is no reply", (_, term) => {
    expect(replyOf(term)).toBeUndefined();
  });
});
