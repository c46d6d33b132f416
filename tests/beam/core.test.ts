import { beforeAll, describe, expect, test } from "vitest";
import { atom, tuple } from "../../runtime/mod.ts";
import { hasBeam } from "../helpers/beam.ts";
import {
  type BeamNode,
  introduce,
  startBeam,
  startEpmd,
  startOurs,
} from "../helpers/beam_nodes.ts";
import { contents, inside, next, puppet } from "../helpers/clusters.ts";
import type { Logged } from "../net/raw_peer.ts";

describe.skipIf(!hasBeam())("a BEAM node and a node of ours", () => {
  let them: BeamNode;
  let ours: Logged;
  beforeAll(async () => {
    const { port } = await startEpmd();
    [them, ours] = await Promise.all([
      startBeam("a@127.0.0.1", { epmdPort: port }),
      startOurs("ts@127.0.0.1", port),
    ]);
  });
  test("x", async () => {
    const s = them.session();
    const p = puppet(ours.node);
    const pid = await introduce(s, p);
    expect(await s("nodes()")).toBe("['ts@127.0.0.1']");
    await s('Ours ! {hello, <<"x">>, self()}');
    expect(await inside(p, (self) => self.receive())).toEqual(
      tuple(atom("hello"), "x", pid),
    );
    expect(await contents(p)).toEqual([]);
    await expect(s("exit(foo)")).rejects.toThrow("error exit foo");
  });
});
