/** Answers questions and exports a behaviour, until its signal. */
import type {
  ExportedBehaviour,
  Pid,
  RunningNode,
  Self,
} from "../../../runtime/mod.ts";

type Question = { readonly n: number; readonly from: Pid<number> };

export const exports: Record<string, ExportedBehaviour> = {
  triple: () => async (self: Self<Question>) => {
    for await (const { n, from } of self) self.send(from, n * 3);
  },
};

export default async function server(
  node: RunningNode,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  node.spawn(async (self: Self<Question>) => {
    for await (const { n, from } of self) self.send(from, n * 2);
  }, { name: "double" });
  console.log("serving");
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  console.log("closing");
}
