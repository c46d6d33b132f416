/**
 * Whether Erlang's programs are installed. Tests against a real BEAM are left
 * out where they are not, and shown as skipped; where HORNBEAM_REQUIRE_BEAM=1
 * is set (continuous integration), their absence is an error.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/**
 * Whether `program` is on PATH. Use it as
 * `describe.skipIf(!hasBeam())("...", ...)`.
 */
export function hasBeam(program: "erl" | "elixir" | "epmd" = "erl"): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = folders.some((folder) => existsSync(join(folder, program)));
  if (!found && process.env["HORNBEAM_REQUIRE_BEAM"] === "1") {
    throw new Error(
      `expected ${program} on PATH because HORNBEAM_REQUIRE_BEAM=1, found ` +
        "none; on Debian: apt-get install erlang-base erlang-dev " +
        "erlang-ssl erlang-tools elixir",
    );
  }
  return found;
}

/**
 * Whether `erl` is there along with Erlang's ssl, which some systems have in a
 * package of its own.
 */
export function hasBeamWithTls(): boolean {
  if (!hasBeam()) return false;
  const ask = "case application:load(ssl) of ok -> halt(0); _ -> halt(1) end.";
  const found = spawnSync("erl", ["-noinput", "-eval", ask]).status === 0;
  if (!found && process.env["HORNBEAM_REQUIRE_BEAM"] === "1") {
    throw new Error(
      "expected Erlang's application ssl because HORNBEAM_REQUIRE_BEAM=1, " +
        "found none; on Debian: apt-get install erlang-ssl",
    );
  }
  return found;
}
