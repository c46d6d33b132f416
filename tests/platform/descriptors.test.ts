/** The limit of file descriptors, and the shares that are taken from it. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { epmdShare, handshakeShare } from "../../runtime/net/carrier/shares.ts";
import {
  descriptorLimit,
  limitIn,
} from "../../runtime/platform/host/descriptors.ts";
import { currentRuntime, root, runtimeCommand } from "../helpers/processes.ts";

describe("the limit of file descriptors", () => {
  test.each([
    [
      "Max open files            200                  4096        files \n",
      200,
    ],
    [
      "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  524288 files\n",
      1_024,
    ],
    ["Max open files  unlimited  unlimited  files\n", Number.MAX_SAFE_INTEGER],
    ["Max processes  10  10  processes\n", null],
    ["", null],
  ])("is read from %j", (text, limit) => {
    expect(limitIn(text)).toBe(limit);
  });

  test("is that of this process, or the usual one", () => {
    expect(descriptorLimit()).toBeGreaterThan(0);
  });

  test.skipIf(process.platform !== "linux")("follows ulimit", () => {
    const { command, args } = runtimeCommand(
      currentRuntime(),
      join(root, "tests/fixtures/descriptors.ts"),
    );
    const { stdout } = spawnSync("bash", [
      "-c",
      'ulimit -n 333; exec "$0" "$@"',
      command,
      ...args,
    ], { encoding: "utf8" });
    expect(stdout.trim()).toBe("333");
  });
});

test.each([
  // limit, handshakes, epmd
  [10, 8, 16],
  [200, 25, 100],
  [1_024, 128, 512],
  [65_536, 256, 16_384],
  [Number.MAX_SAFE_INTEGER, 256, 16_384],
])(
  "of %i descriptors, %i are for handshakes and %i for epmd",
  (limit, handshakes, epmd) => {
    expect(handshakeShare(limit)).toBe(handshakes);
    expect(epmdShare(limit)).toBe(epmd);
  },
);
