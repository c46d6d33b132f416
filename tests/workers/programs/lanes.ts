/** A worker's module with the actors of `tests/net/lanes/players.ts`. */
import type {
  ExportedBehaviour,
  Pid,
  RunningNode,
} from "../../../runtime/mod.ts";
import { depot, receiver, sender, shipper } from "../../net/lanes/players.ts";

type Ping = { readonly from: Pid<unknown>; readonly n: number };

export const exports: Readonly<Record<string, ExportedBehaviour>> = {
  sender,
  shipper,
};

export default async function main(node: RunningNode): Promise<void> {
  node.spawn(receiver, { name: "receiver" });
  node.spawn(depot, { name: "depot" });
  node.spawn<Ping>(async (self) => {
    for await (const { from, n } of self) self.send(from, n);
  }, { name: "echo" });
  await new Promise<never>(() => {});
}
