/**
 * Signals as Erlang's control messages: each type written and read, older forms,
 * the effect of flags, and messages that OTP would not send.
 */
import { describe, expect, test } from "vitest";
import type { Signal } from "../../../runtime/core/host/signal.ts";
import {
  atom,
  Pid,
  Ref,
  Tuple,
  tuple,
} from "../../../runtime/core/terms/terms.ts";
import {
  DecodeError,
  EncodeError,
} from "../../../runtime/wire/shared/errors.ts";
import { toControl } from "../../../runtime/wire/beam/control_write.ts";
import {
  fromControl,
  hasPayload,
} from "../../../runtime/wire/beam/control_read.ts";
import { BASE_FLAGS, flag } from "../../../runtime/wire/handshake/flags.ts";

const ours = new Pid("ours@h", 1, 0, 7, null);
const theirs = new Pid("theirs@h", 2, 0, 8, null);
const foreign = new Pid("third@h", 3, 0, 9, null);
const ref = new Ref("theirs@h", 8, [1, 2, 3]);
const own = new Ref("ours@h", 7, [4, 5, 6]);
const none = atom("");
const token = tuple(1, 17, 1, theirs, 0);
const reason = tuple(atom("why"), 1);

/** A signal of the peer, its control message, and its payload if it has one. */
type Row = readonly [
  signal: Signal,
  control: readonly unknown[],
  payload?: unknown,
];

/** Signals that are written and read in the same form. */
const rows: readonly Row[] = [
  [
    { type: "send", from: theirs, to: ours, message: 5 },
    [22, theirs, ours],
    5,
  ],
  [
    { type: "sendNamed", from: theirs, name: "echo", message: [1] },
    [6, theirs, none, atom("echo")],
    [1],
  ],
  [
    { type: "sendNamed", from: theirs, name: "true", message: undefined },
    [6, theirs, none, true],
    undefined,
  ],
  [
    { type: "sendAlias", from: theirs, alias: own, message: "x" },
    [33, theirs, own],
    "x",
  ],
  [{ type: "link", from: theirs, to: ours }, [1, theirs, ours]],
  [
    { type: "unlink", from: theirs, to: ours, id: 1 },
    [35, 1, theirs, ours],
  ],
  [
    { type: "unlink", from: theirs, to: ours, id: 2n ** 64n - 1n },
    [35, 2n ** 64n - 1n, theirs, ours],
  ],
  [
    { type: "unlinkAck", from: theirs, to: ours, id: 3 },
    [36, 3, theirs, ours],
  ],
  [
    { type: "linkExit", from: theirs, to: ours, reason },
    [24, theirs, ours],
    reason,
  ],
  [
    { type: "exit", from: theirs, to: ours, reason },
    [26, theirs, ours],
    reason,
  ],
  [
    { type: "monitor", from: theirs, target: ours, ref },
    [19, theirs, ours, ref],
  ],
  [
    { type: "monitor", from: theirs, target: "nil", ref },
    [19, theirs, null, ref],
  ],
  [
    { type: "demonitor", from: theirs, target: "echo", ref },
    [20, theirs, atom("echo"), ref],
  ],
  [
    { type: "down", target: theirs, to: ours, ref: own, reason },
    [28, theirs, ours, own],
    reason,
  ],
  [
    { type: "down", target: "echo", to: ours, ref: own, reason: "r" },
    [28, atom("echo"), ours, own],
    "r",
  ],
  [
    { type: "groupLeader", from: foreign, to: ours },
    [7, foreign, ours],
  ],
  [
    {
      ...{ type: "spawnReply", ref: own, to: ours, result: theirs },
      flags: { link: true, monitor: true },
    },
    [31, own, ours, 3, theirs],
  ],
  [
    {
      ...{ type: "spawnReply", ref: own, to: ours, result: "badopt" },
      flags: { link: false, monitor: false },
    },
    [31, own, ours, 0, atom("badopt")],
  ],
];

function nameOf([signal, control]: Row): string {
  return `${control[0]}: ${signal.type}`;
}

describe("each kind of signal", () => {
  test.each(rows.map((row) => [nameOf(row), row] as const))(
    "%s",
    (_, [signal, control, ...payload]) => {
      const isWithPayload = payload.length > 0;
      expect(hasPayload(new Tuple(control))).toBe(isWithPayload);
      expect(fromControl(new Tuple(control), payload[0], "theirs@h"))
        .toEqual(signal);
      expect(toControl(signal, BASE_FLAGS)).toEqual({
        control: new Tuple(control),
        payload: isWithPayload ? { term: payload[0] } : undefined,
      });
    },
  );

  test("29: spawnRequest, whose behaviour is a function", () => {
    const request: Signal = {
      type: "spawnRequest",
      ...{ ref, from: theirs, groupLeader: foreign, args: [1, "two"] },
      behaviour: "Elixir.My.Mod:fun",
      flags: { link: true, monitor: true },
    };
    const mfa = tuple(atom("Elixir.My.Mod"), atom("fun"), 2);
    const control = tuple(
      ...[29, ref, theirs, foreign, mfa],
      [atom("link"), atom("monitor")],
    );
    expect(toControl(request, BASE_FLAGS))
      .toEqual({ control, payload: { term: [1, "two"] } });
    expect(fromControl(control, [1, "two"], "theirs@h"))
      .toEqual({ ...request, isCall: true });
    const tuning: unknown[] = [
      tuple(atom("monitor"), [tuple(atom("alias"), atom("demonitor"))]),
      tuple(atom("priority"), atom("high")),
      tuple(atom("min_heap_size"), 9),
    ];
    const tuned = new Tuple([29, ref, theirs, foreign, mfa, tuning]);
    expect(fromControl(tuned, [], "theirs@h"))
      .toMatchObject({ flags: { link: false, monitor: true }, args: [] });
    const wrong = [atom("link"), tuple(atom("priority"), atom("none"))];
    const bad = new Tuple([29, ref, theirs, foreign, mfa, wrong]);
    expect(fromControl(bad, [], "theirs@h")).toMatchObject({
      flags: { link: false, monitor: false },
      isBadOption: true,
    });
  });

  test.each(["no_module", ":fun", "module:", "", ":"])(
    "a behaviour %j is no function of a BEAM node",
    (behaviour) => {
      const flags = { link: false, monitor: false };
      const args: unknown[] = [];
      const request = { ref, from: ours, groupLeader: ours, args, flags };
      expect(() =>
        toControl({ type: "spawnRequest", ...request, behaviour }, BASE_FLAGS)
      ).toThrow(EncodeError);
    },
  );
});

describe("the effect of flags", () => {
  const [exit, exit2, down] = ["linkExit", "exit", "down"].map((type) =>
    rows.find(([signal]) => signal.type === type)![0]
  ) as [Signal, Signal, Signal];

  test("without EXIT_PAYLOAD reasons are in the tuple, written and read", () => {
    for (
      const [signal, control] of [
        [exit, tuple(3, theirs, ours, reason)],
        [exit2, tuple(8, theirs, ours, reason)],
        [down, tuple(21, theirs, ours, own, reason)],
      ] as const
    ) {
      expect(toControl(signal, BASE_FLAGS & ~flag.exitPayload))
        .toEqual({ control, payload: undefined });
      expect(hasPayload(control)).toBe(false);
      expect(fromControl(control, undefined, "theirs@h")).toEqual(signal);
    }
  });

  test("without SEND_SENDER a message does not name its sender", () => {
    const [send] = rows[0]!;
    const control = tuple(2, none, ours);
    expect(toControl(send, BASE_FLAGS & ~flag.sendSender))
      .toEqual({ control, payload: { term: 5 } });
    expect(fromControl(control, 5, "theirs@h"))
      .toEqual({ type: "send", from: ours, to: ours, message: 5 });
  });

  test("without SPAWN nothing can be spawned", () => {
    const flags = { link: false, monitor: false };
    const rest = { ref, from: ours, groupLeader: ours, args: [], flags };
    expect(() =>
      toControl(
        { type: "spawnRequest", behaviour: "m:f", ...rest },
        BASE_FLAGS & ~flag.spawn,
      )
    ).toThrow(/a node that accepts spawn requests/);
  });
});

describe("forms that are only read", () => {
  test.each<[number, readonly unknown[], Signal, unknown?]>([
    [12, [none, ours, token], {
      ...{ type: "send", from: ours, to: ours, message: 1 },
    }, 1],
    [13, [theirs, ours, token, reason], {
      ...{ type: "linkExit", from: theirs, to: ours, reason },
    }],
    [16, [theirs, none, atom("echo"), token], {
      ...{ type: "sendNamed", from: theirs, name: "echo", message: 1 },
    }, 1],
    [18, [theirs, ours, [], reason], {
      ...{ type: "exit", from: theirs, to: ours, reason },
    }],
    [23, [theirs, ours, token], {
      ...{ type: "send", from: theirs, to: ours, message: 1 },
    }, 1],
    [25, [theirs, ours, token], {
      ...{ type: "linkExit", from: theirs, to: ours, reason },
    }, reason],
    [27, [theirs, ours, token], {
      ...{ type: "exit", from: theirs, to: ours, reason },
    }, reason],
    [34, [theirs, own, token], {
      ...{ type: "sendAlias", from: theirs, alias: own, message: 1 },
    }, 1],
    [4, [theirs, ours], { type: "unlink", from: theirs, to: ours, id: 1 }],
    [32, [own, ours, 2, theirs, token], {
      ...{ type: "spawnReply", ref: own, to: ours, result: theirs },
      flags: { link: false, monitor: true },
    }],
    [37, [0, theirs, ours], {
      ...{ type: "send", from: theirs, to: ours, message: 1 },
    }, 1],
    [37, [1 | 2, theirs, ours, token], {
      ...{ type: "send", from: theirs, to: ours, message: 1 },
    }, 1],
    [37, [4, theirs, own], {
      ...{ type: "sendAlias", from: theirs, alias: own, message: 1 },
    }, 1],
    [37, [8 | 1, theirs, atom("echo")], {
      ...{ type: "sendNamed", from: theirs, name: "echo", message: 1 },
    }, 1],
    [37, [16, theirs, ours], {
      ...{ type: "exit", from: theirs, to: ours, reason },
    }, reason],
    [37, [(1n << 80n) | 4n, theirs, own, token, "later", 1], {
      ...{ type: "sendAlias", from: theirs, alias: own, message: 1 },
    }, 1],
  ])("%i of %#", (number, rest, signal, payload) => {
    const control = tuple(number, ...rest);
    expect(hasPayload(control)).toBe(payload !== undefined);
    expect(fromControl(control, payload, "theirs@h")).toEqual(signal);
  });
});

describe("messages that OTP would not send are refused", () => {
  const mfa = tuple(atom("m"), atom("f"), 0);
  test.each<[string, unknown, unknown?]>([
    ["no tuple", [1, theirs, ours]],
    ["an empty tuple", tuple()],
    ["an unknown number", tuple(99, theirs, ours)],
    ["a node link", tuple(5)],
    ["a number that is none", tuple("22", theirs, ours)],
    ["too few elements", tuple(22, theirs)],
    ["too many elements", tuple(1, theirs, ours, 1)],
    ["a link of another node", tuple(1, foreign, ours)],
    ["a link to a name", tuple(1, theirs, atom("x"))],
    ["an exit of another node", tuple(24, foreign, ours)],
    ["a monitor of another node", tuple(19, ours, ours, ref)],
    ["a monitor of a number", tuple(19, theirs, 5, ref)],
    ["a monitor without a reference", tuple(19, theirs, ours, 1)],
    ["an unlink with id 0", tuple(35, 0, theirs, ours)],
    ["an unlink with a negative id", tuple(35, -1, theirs, ours)],
    ["an unlink with id 2^64", tuple(35, 2n ** 64n, theirs, ours)],
    ["an unlink of another node", tuple(35, 1, foreign, ours)],
    ["a message to a name as pid", tuple(22, theirs, atom("x"))],
    ["a message to a pid as name", tuple(6, theirs, none, ours)],
    ["an alias that is none", tuple(33, theirs, ours)],
    ["a down without a target", tuple(28, 1, ours, own)],
    ["a spawn for another node", tuple(29, ref, foreign, ours, mfa, []), []],
    ["a spawn of no function", tuple(29, ref, theirs, ours, atom("m"), []), []],
    ["a spawn without options", tuple(29, ref, theirs, ours, mfa, 0), []],
    ["a spawn without arguments", tuple(29, ref, theirs, ours, mfa, []), 1],
    ["a spawn reply without flags", tuple(31, own, ours, [], theirs)],
    ["a spawn reply of a number", tuple(31, own, ours, 0, 7)],
    ["an alternate signal of a list", tuple(37, [], theirs, ours)],
    ["an alternate signal without a receiver", tuple(37, 0, theirs, "x")],
  ])("%s", (_, control, payload) => {
    expect(() => fromControl(control, payload, "theirs@h")).toThrow(
      DecodeError,
    );
  });
});
