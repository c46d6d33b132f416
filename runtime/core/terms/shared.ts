/** Values that are shared on purpose, whatever the node's isolation says. */

/**
 * What a message is to carry as it is: a function, or an object that both sides
 * mean to share. A node with `isolate` passes it on uncopied, one with `strict`
 * unfrozen. It cannot leave the node: sending it to another one throws
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
