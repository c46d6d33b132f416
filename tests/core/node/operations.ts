/**
 * Counts what code does to maps, sets, arrays and promises, so that a test can
 * say that work grows linearly without a look at the clock.
 */

/** Methods that take the same time however large the object is. */
const constant = ["get", "set", "has", "delete", "add", "push", "pop"] as const;

/** Methods of arrays that visit the whole array in the worst case. */
const whole = [
  ...["indexOf", "lastIndexOf", "includes", "find", "findIndex", "findLast"],
  ...["slice", "splice", "concat", "shift", "unshift", "reverse", "sort"],
  ...["map", "filter", "flatMap", "forEach", "some", "every", "reduce"],
  ...["join", "fill", "toSorted", "toSpliced"],
] as const;

/** Methods of maps and sets that return an iterator of all entries. */
const iterating = ["entries", "keys", "values", "forEach"] as const;

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Calls it when `method` was called on `target`. */
type Counted = (target: unknown) => void;

/**
 * The number of operations during `act`, which must be synchronous: one for
 * each constant one, and the size of the object for each that visits all of it.
 * An iteration that ends early counts as a whole one.
 */
export function countOperations(act: () => void): number {
  let count = 0;
  const one = () => void count++;
  const lengthOf = (target: unknown) => {
    count += 1 + ((target as { readonly length?: number }).length ?? 0);
  };
  const sizeOf = (target: unknown) => {
    count += 1 + (target as { readonly size: number }).size;
  };
  const undo: (() => void)[] = [];
  const patch = (owner: object, names: readonly PropertyKey[], on: Counted) => {
    for (const name of names) {
      const own = Object.getOwnPropertyDescriptor(owner, name);
      if (own === undefined) continue;
      const method = own.value as Method;
      Object.defineProperty(owner, name, {
        ...own,
        value: function (this: unknown, ...args: unknown[]): unknown {
          on(this);
          return Reflect.apply(method, this, args);
        },
      });
      undo.push(() => Object.defineProperty(owner, name, own));
    }
  };
  try {
    for (const owner of [Map.prototype, Set.prototype]) {
      patch(owner, constant, one);
      patch(owner, [...iterating, Symbol.iterator], sizeOf);
    }
    patch(Promise.prototype, ["then"], one);
    patch(Promise, ["reject", "resolve"], one);
    patch(Array.prototype, constant, one);
    patch(Array.prototype, whole, lengthOf);
    act();
  } finally {
    for (const restore of undo.reverse()) restore();
  }
  return count;
}
