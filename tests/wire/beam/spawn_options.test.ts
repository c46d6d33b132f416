/**
 * Options of spawn requests, as OTP 25 accepts and refuses them. All of these were
 * tried with OTP 25; newer options are marked.
 */
import { describe, expect, test } from "vitest";
import { atom, float, tuple } from "../../../runtime/core/terms/terms.ts";
import { spawnFlags } from "../../../runtime/wire/beam/spawn_options.ts";

const option = (name: string, value: unknown) => tuple(atom(name), value);
const neither = { link: false, monitor: false };

describe("options of a spawn request", () => {
  test("set link and monitor", () => {
    expect(spawnFlags([])).toEqual(neither);
    expect(spawnFlags([atom("link")])).toEqual({ ...neither, link: true });
    expect(spawnFlags([atom("monitor"), atom("link")]))
      .toEqual({ link: true, monitor: true });
    expect(spawnFlags([option("monitor", [option("tag", 1)])]))
      .toEqual({ ...neither, monitor: true });
    // OTP 28: a link of priority.
    expect(spawnFlags([option("link", [atom("priority")])]))
      .toEqual({ ...neither, link: true });
  });

  test.each<[string, unknown]>([
    ["priority", atom("low")],
    ["priority", atom("max")],
    ["message_queue_data", atom("off_heap")],
    ["min_heap_size", 0],
    ["min_bin_vheap_size", 1_000],
    ["fullsweep_after", 10],
    ["scheduler", 1],
    ["max_heap_size", 1_000],
    ["max_heap_size", { size: 0 }],
    ["max_heap_size", { size: 100_000, kill: true, error_logger: false }],
    ["max_heap_size", { size: 100_000, zork: 1 }],
    // OTP 25.3 and later.
    ["async_dist", true],
  ])("are accepted without an effect: {%s, %j}", (name, value) => {
    expect(spawnFlags([option(name, value)])).toEqual(neither);
  });

  test.each<[unknown]>([
    [option("priority", atom("foo"))],
    [option("priority", "low")],
    [option("message_queue_data", atom("mixed"))],
    [option("min_heap_size", -1)],
    [option("min_heap_size", atom("a"))],
    [option("min_heap_size", 2n ** 70n)],
    [option("min_heap_size", float(1))],
    [option("max_heap_size", atom("bad"))],
    [option("max_heap_size", {})],
    [option("max_heap_size", { kill: true })],
    [option("max_heap_size", { size: atom("bad") })],
    [option("max_heap_size", { size: 1, kill: atom("bad") })],
    [option("max_heap_size", new Map([[1, 1]]))],
    [option("fullsweep_after", 2n ** 70n)],
    [option("scheduler", atom("a"))],
    [option("async_dist", 1)],
    [option("link", true)],
    [option("monitor", true)],
    [option("zork", 1)],
    [option("trap_exit", true)],
    [tuple()],
    [tuple(atom("priority"))],
    [tuple(atom("priority"), atom("low"), 1)],
    [atom("zork")],
    [atom("off_heap")],
    ["text"],
    [1],
  ])("are refused when they are wrong: case %#", (wrong) => {
    expect(spawnFlags([wrong])).toBeNull();
    expect(spawnFlags([atom("link"), wrong])).toBeNull();
  });
});
