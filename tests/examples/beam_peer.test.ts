/** The node for BEAM nodes, as far as it can be tested without one. */
import { expect, it, onTestFinished } from "vitest";
import beamPeer, { options } from "../../examples/beam_peer.ts";
import { atom, global, type RunningNode, start } from "../../runtime/mod.ts";
import { waitFor } from "../helpers/wait.ts";

function actorsOf(node: RunningNode): number {
  return (node as unknown as {
    readonly owner: { readonly actorCount: number };
  })
    .owner.actorCount;
}

it("leaves no owner behind whose name was refused", async () => {
  const node = await start({ ...options, log: () => {} });
  const end = new AbortController();
  const done = beamPeer(node, { signal: end.signal });
  onTestFinished(async () => {
    end.abort();
    await done;
    await node.stop();
  });
  await waitFor(() => global.whereisName(node, atom("ts_echo")) !== null, {
    what: "the node to be ready",
  });
  const ask = (name: unknown) =>
    node.erpc(node.name, "names_ts:register", [name]);
  expect(await ask("one")).toBe(atom("yes"));
  let before = -1;
  await waitFor(() => before === (before = actorsOf(node)), { what: "rest" });
  expect(await ask("one")).toBe(atom("no"));
  await expect(ask("x".repeat(70_000))).rejects.toThrow("65536");
  await waitFor(() => actorsOf(node) === before, {
    what: "no actor to be left",
  });
});
