/**
 * Checks the options of a BEAM node's spawn request.
 *
 * Link and monitor have an effect. The other options tune a process of the BEAM
 * and have no meaning for an actor. But a wrong option is refused, as on a BEAM
 * node ("erlang", reference manual, `spawn_opt/4`), so that the caller learns of
 * the mistake. Bounds that depend on the memory of a BEAM node are not checked.
 */

import type { SpawnFlags } from "../../core/host/signal.ts";
import { atom, Tuple } from "../../core/terms/terms.ts";

/** Stands between the module and the function of a spawn request. */
export const DIVIDER = ":";

const names = { link: atom("link"), monitor: atom("monitor") } as const;

const oneOf = (...allowed: readonly string[]) => (value: unknown): boolean =>
  allowed.some((name) => value === atom(name));

function isSize(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

const switches = ["kill", "error_logger", "include_shared_binaries"];

/** A size, or a map with `size` and switches. */
function isMaxHeapSize(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isSize(value);
  const fields = value as Record<string, unknown>;
  const has = (name: string) => Object.hasOwn(fields, name);
  return has("size") && isSize(fields["size"]) &&
    switches.every((name) => !has(name) || isBoolean(fields[name]));
}

/** Options `{Name, Value}` up to OTP 28, with the check of the value. */
const known: ReadonlyMap<unknown, (value: unknown) => boolean> = new Map([
  [names.link, Array.isArray],
  [names.monitor, Array.isArray],
  [atom("priority"), oneOf("low", "normal", "high", "max")],
  [atom("message_queue_data"), oneOf("on_heap", "off_heap")],
  [atom("min_heap_size"), isSize],
  [atom("min_bin_vheap_size"), isSize],
  [atom("max_heap_size"), isMaxHeapSize],
  [atom("fullsweep_after"), isSize],
  [atom("scheduler"), isSize],
  [atom("async_dist"), isBoolean],
]);

function isKnown(option: unknown): boolean {
  if (!(option instanceof Tuple)) {
    return option === names.link || option === names.monitor;
  }
  const [name, value] = option.items;
  return option.items.length === 2 && known.get(name)?.(value) === true;
}

/** The flags that the options set; null when an option is wrong. */
export function spawnFlags(options: readonly unknown[]): SpawnFlags | null {
  if (!options.every(isKnown)) return null;
  const has = (name: symbol) =>
    options.some((option) =>
      option === name || (option instanceof Tuple && option.items[0] === name)
    );
  return { link: has(names.link), monitor: has(names.monitor) };
}
