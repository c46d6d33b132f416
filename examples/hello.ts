/** A first actor. Run this file with `node`, `deno run -A` or `bun`. */

import { type Pid, type Self, start } from "../runtime/mod.ts";

type Greet = { name: string; from: Pid<string> };

await using node = await start();

const greeter = node.spawn(async (self: Self<Greet>) => {
  for await (const { name, from } of self) self.send(from, `Hello, ${name}!`);
});

const answer = await node.run<string, string>((self) => {
  self.send(greeter, { name: "world", from: self.pid });
  return self.receive();
});
console.log(answer);
