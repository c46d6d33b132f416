/**
 * The path to a value inside a message, as the JavaScript that would reach it:
 * `message.items[3].callback`, `message.map.get("k")`.
 */

import { ImproperList, printTerm, Tuple } from "../../core/terms/terms.ts";

/** Longest printed key of a map. */
const KEY_LENGTH_MAX = 40;

/** Longest path; a longer one is shortened in the middle. */
const PATH_LENGTH_MAX = 400;

/**
 * The path through `containers`, of which the first is `root` itself. `keys`
 * holds for each container the key or index inside it, or undefined for the
 * container as a whole. In a map, index 2n is the nth key and 2n + 1 the nth
 * value.
 */
export function termPath(
  root: string,
  containers: readonly object[],
  keys: readonly (string | number | undefined)[],
): string {
  const path = root +
    containers.map((container, i) => step(container, keys[i])).join("");
  if (path.length <= PATH_LENGTH_MAX) return path;
  const half = PATH_LENGTH_MAX / 2;
  return `${path.slice(0, half)} ... ${path.slice(-half)}`;
}

function step(container: object, key: string | number | undefined): string {
  if (key === undefined) return "";
  if (typeof key === "string") {
    return /^[A-Za-z_$][\w$]*$/.test(key)
      ? `.${key}`
      : `[${JSON.stringify(key)}]`;
  }
  if (container instanceof Tuple || container instanceof ImproperList) {
    return `.items[${key}]`;
  }
  if (container instanceof Set) return `.values().toArray()[${key}]`;
  if (container instanceof Map) return mapStep(container, key);
  return `[${key}]`;
}

function mapStep(map: ReadonlyMap<unknown, unknown>, index: number): string {
  const entry = index >> 1;
  if (index % 2 === 0) return `.keys().toArray()[${entry}]`;
  const printed = printTerm(map.keys().toArray()[entry]);
  const key = printed.length > KEY_LENGTH_MAX
    ? `${printed.slice(0, KEY_LENGTH_MAX)}...`
    : printed;
  return `.get(${key})`;
}
