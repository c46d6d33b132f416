/**
 * What both formats refuse of objects of built-in classes, and what to send
 * instead.
 */

/** Classes that a `vm` context has its own copies of, by their names. */
const shared: ReadonlyMap<unknown, unknown> = new Map<unknown, unknown>(
  [
    Object,
    Array,
    Map,
    Set,
    Date,
    Error,
    TypeError,
    RangeError,
    SyntaxError,
    Uint8Array,
    ArrayBuffer,
  ].map((Class) => [Class.name, Class]),
);

const boxes = [Number, String, Boolean, BigInt, Symbol] as const;

/** Undefined where each format has an advice of its own. */
export function adviceFor(value: object): string | undefined {
  if (value instanceof Promise) return "await it and send the result";
  if (value instanceof RegExp) return "send its source and flags";
  if (boxes.some((Box) => value instanceof Box)) return "send its valueOf()";
  return isOfOtherRealm(value)
    ? "it belongs to another realm, such as a vm context; send a " +
      "structuredClone() of it"
    : undefined;
}

function isOfOtherRealm(value: object): boolean {
  const Class: unknown = value.constructor;
  if (typeof Class !== "function") return false;
  const local = shared.get(Class.name);
  return local !== undefined && local !== Class &&
    Function.prototype.toString.call(Class).includes("[native code]");
}

/**
 * Why an object, of which only the contents are sent, cannot be sent: a program
 * has added a field to it. Null when it has none. Symbols are not looked for,
 * which would take longer than all other work for a small `Map`.
 */
export function fieldProblem(value: object): string | null {
  const keys = Object.keys(value);
  if (keys.length === 0) return null;
  return `it has a field of its own, ${keys[0]}, which would be lost; ` +
    "send both in a plain object";
}
