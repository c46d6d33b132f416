/** Values that are shared on purpose, also on a node that isolates actors. */

/**
 * A value that a message carries as it is: a function, or an object that both
 * actors mean to share. A node with `isolate` does not copy it, a node with
 * `strict` does not freeze it. It cannot leave the node: a send to another throws
 * `EncodeError`.
 *
 * @example
 * ```ts
 * import { type Self, Shared, start } from "hornbeam";
 *
 * await using node = await start({ isolate: "copy" });
 * await node.run(async (self: Self<Shared<() => string>>) => {
 *   self.send(self.pid, new Shared(() => "called"));
 *   const { value } = await self.receive();
 *   console.log(value()); // prints: called
 * });
 * ```
 */
export class Shared<T = unknown> {
  readonly value: T;
  constructor(value: T) {
    this.value = value;
  }
}
