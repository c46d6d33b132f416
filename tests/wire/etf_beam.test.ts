/**
 * The codec against a real BEAM: what it reads, what it writes, and its order
 * of terms.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasBeam } from "../helpers/beam.ts";
import { TermPeer } from "../helpers/term_peer.ts";
import { checkOrder, checkRoundTrips } from "./etf_judge.ts";

describe.skipIf(!hasBeam())("a BEAM", () => {
  let peer: TermPeer;
  beforeAll(async () => {
    peer = await TermPeer.start();
  });
  afterAll(() => peer.stop());

  it("takes our terms for the same ones, and we its", async () => {
    expect(await checkRoundTrips(peer, { count: 5_000 })).toBe(5_000);
  });

  it("orders terms as we do", async () => {
    const seen = await checkOrder(peer, { count: 4_000 });
    expect(seen.less).toBeGreaterThan(100);
    expect(seen.equal).toBeGreaterThan(100);
    expect(seen.greater).toBeGreaterThan(100);
  });
});
