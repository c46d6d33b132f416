/** Asks the server on the node that the first argument names. */
import type { RunningNode, Self } from "../../../runtime/mod.ts";

export default async function client(
  node: RunningNode,
  { args }: { args: readonly string[] },
): Promise<void> {
  const [server = ""] = args;
  const answers = await node.run(async (self: Self<number>) => {
    self.send({ name: "double", node: server }, { n: 2, from: self.pid });
    const double = await self.receive();
    const { pid } = await self.spawnOn(server, "triple");
    self.send(pid, { n: 2, from: self.pid });
    return [double, await self.receive()];
  });
  console.log(`answers ${answers.join(" ")}`);
}
