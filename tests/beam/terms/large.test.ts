/**
 * Large messages between a BEAM node and a node of ours, with small ones in
 * between, in fragments and without: nothing is lost, doubled or out of order.
 */
import { createHash } from "node:crypto";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  atom,
  BusyError,
  type Call,
  handler,
  type Pid,
  type Self,
  type Tuple,
  tuple,
} from "../../../runtime/mod.ts";
import { flag } from "../../../runtime/wire/handshake/flags.ts";
import { introduce, matrix, startOurs } from "../../helpers/beam_nodes.ts";
import { inside, puppet } from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";
import type { Logged } from "../../net/peers/raw_peer.ts";
import { echoServer } from "../std/servers.ts";
import { type Pair, pair, world } from "../world.ts";

const KB = 1_000;
const MB = 1_000 * KB;

/** Bytes without a pattern that a lost or doubled piece would keep. */
function noise(bytes: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words[i] = state;
  }
  const all = new Uint8Array(words.buffer, 0, bytes);
  // So that it is no UTF-8 and arrives as bytes.
  if (bytes > 0) all[0] = 0xff;
  return all;
}

function md5(bytes: Uint8Array): string {
  return `m${createHash("md5").update(bytes).digest("hex")}`;
}

/** The same over there, as an atom. */
const md5Of = (of: string): string =>
  `binary_to_atom(<<$m, (string:lowercase(
     binary:encode_hex(erlang:md5(${of}))))/binary>>)`;

const framings: [string, bigint][] = [
  ["in fragments", 0n],
  ["in one frame", flag.fragments | flag.distHdrAtomCache],
];

/** Sends when there is room, which another sender may use in the meantime. */
async function sendWithPatience(
  self: Self,
  to: Pid<unknown>,
  message: unknown,
): Promise<void> {
  for (;;) {
    await self.ready(to);
    try {
      self.send(to, message);
      return;
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
    }
  }
}

matrix("large messages between a BEAM node and ours", () => {
  const nodes = world();
  let count = 0;

  /** A node of ours of its own, and a pair with the BEAM node. */
  async function connected(
    withoutFlags: bigint,
  ): Promise<Pair & { readonly ours: Logged }> {
    const name = `large${++count}@127.0.0.1`;
    const ours = await startOurs(name, nodes.epmdPort, { withoutFlags });
    onTestFinished(() => ours.node.stop());
    return { ours, ...await pair({ them: nodes.them, ours }) };
  }

  describe.each(framings)("%s", (_, withoutFlags) => {
    test.each([
      ["a few bytes around a fragment", [65_400, 65_536, 65_540, 131_073]],
      ["200 kB", [200 * KB]],
      ["20 MB", [20 * MB]],
    ])("there and back: %s", { timeout: 40_000 }, async (_, sizes) => {
      const { actor, session, theirs } = await connected(withoutFlags);
      for (const bytes of sizes) {
        const data = noise(bytes, bytes);
        await inside(actor, (self) => {
          self.send(theirs, data);
          return self.ready(theirs);
        });
        expect(await session(`put(b, beam_driver:next()), ${md5Of("get(b)")}`))
          .toBe(md5(data));
        await session("Ours ! erase(b), erlang:garbage_collect()");
        const back = await inside(actor, (self) => self.receive());
        expect(md5(back as Uint8Array)).toBe(md5(data));
      }
    });

    test("ours with small ones in between", { timeout: 40_000 }, async () => {
      const { actor, session, theirs } = await connected(withoutFlags);
      const sizes = [20 * MB, 0, 200 * KB, 1, 200 * KB, 2, 20 * MB, 3, 70 * KB];
      const blobs = sizes.map((bytes, i) => noise(bytes, i));
      // Another pair, whose small messages go on meanwhile.
      const other = puppet(actor.node);
      const counter = nodes.them.session();
      const theirCounter = await introduce(counter, other);
      const counting = inside(other, async (self) => {
        for (let i = 1; i <= 2_000; i++) {
          await sendWithPatience(self, theirCounter, i);
        }
      });
      await inside(actor, async (self) => {
        for (const [i, blob] of blobs.entries()) {
          await sendWithPatience(self, theirs, blob);
          await sendWithPatience(self, theirs, tuple(atom("after"), i));
        }
      });
      await counting;
      const sums = "(fun(B) when is_binary(B) -> " +
        `{byte_size(B), ${md5Of("B")}}; ({'after', I}) -> I end)`;
      const got = await session(
        `[${sums}(beam_driver:next()) || _ <- lists:seq(1, ${
          2 * sizes.length
        })]`,
        20_000,
      );
      expect(got).toBe(
        `[${
          blobs.map((blob, i) => `{${blob.length},${md5(blob)}},${i}`).join()
        }]`,
      );
      expect(
        await counter(
          "[beam_driver:next() || _ <- lists:seq(1, 2000)] =:= lists:seq(1, 2000)",
        ),
      ).toBe("true");
    });

    test("theirs, many at once, with small ones in between", async () => {
      const { actor, session, ours } = await connected(withoutFlags);
      const senders = 6;
      const sizes = [5 * MB, 200 * KB, 70 * KB, 10];
      await session(
        `lists:foreach(fun(Id) ->
           spawn(fun() ->
             lists:foreach(fun({N, Bytes}) ->
               Ours ! {small, Id, N},
               Blob = rand:bytes(Bytes),
               Ours ! {blob, Id, N, ${md5Of("Blob")}, <<255, Blob/binary>>}
             end, [{1, ${sizes[0]}}, {2, ${sizes[1]}}, {3, ${sizes[2]}},
                   {4, ${sizes[3]}}]),
             Ours ! {done, Id}
           end)
         end, lists:seq(1, ${senders}))`,
      );
      const told = await inside(actor, async (self) => {
        const order = new Map<unknown, string[]>();
        for (let done = 0; done < senders;) {
          const [what, id, n, sum, blob] = await self.receive() as Tuple;
          const seen = order.get(id) ?? [];
          order.set(id, seen);
          if (what === atom("done")) done++;
          else if (what === atom("small")) seen.push(`small ${n}`);
          else {
            const bytes = (blob as Uint8Array).subarray(1);
            const isWhole = md5(bytes) === Symbol.keyFor(sum as symbol);
            seen.push(`${n}: ${bytes.length} ${isWhole}`);
          }
        }
        return order;
      });
      const expected = sizes.flatMap((bytes, i) => [
        `small ${i + 1}`,
        `${i + 1}: ${bytes} true`,
      ]);
      expect([...told.keys()].sort()).toEqual([1, 2, 3, 4, 5, 6]);
      for (const seen of told.values()) expect(seen).toEqual(expected);
      expect(ours.logs.complaints).toEqual([]);
    });
  });

  test("exit reasons and arguments may be large as well", async () => {
    const { actor, session, theirs, ours } = await connected(0n);
    const large = noise(300 * KB, 7);
    ours.node.export(
      "ours:quit",
      (reason: unknown) => (self: Self) => self.exit(reason),
    );
    await inside(actor, (self) => self.sendExit(theirs, large));
    expect(await session(`{'EXIT', _, B} = beam_driver:next(), ${md5Of("B")}`))
      .toBe(md5(large));
    expect(
      await session(
        `{P, M} = spawn_monitor('${ours.node.name}', ours, quit, [B]),
         {'DOWN', M, process, P, Back} = beam_driver:next(), Back =:= B`,
      ),
    ).toBe("true");
  });

  test("what is above the limit of frames is refused at its sender", async () => {
    const name = "small@127.0.0.1";
    const ours = await startOurs(name, nodes.epmdPort, {
      limits: { maxFrameBytes: 100_000 },
    });
    const { actor, session, theirs } = await pair({ them: nodes.them, ours });
    const refusal = await inside(actor, (self) => {
      try {
        return self.send(theirs, noise(100_001, 1));
      } catch (error) {
        return error;
      }
    });
    expect(String(refusal)).toMatch(/send it in parts/);
    await inside(actor, (self) => void self.send(theirs, "still connected"));
    expect(await session("beam_driver:next()")).toBe('<<"still connected">>');
    // An answer of ours that is too large is an error there, and no more.
    ours.node.exportFunction("large:result/0", () => noise(100_001, 1));
    const called = (how: string) =>
      session(`catch ${how}:call('${name}', large, result, [])`);
    expect(await called("erpc"))
      .toMatch(/^\{'EXIT',\{signal,<<".*send it in parts">>\}\}$/);
    expect(await called("rpc"))
      .toMatch(/^\{badrpc,\{'EXIT',<<".*send it in parts">>\}\}$/);
    ours.node.spawn(echoServer, { name: "echo" });
    ours.node.spawn(
      handler(0, (_: number, { from }: Call, self) => {
        self.reply(from, noise(100_001, 1));
        return 0;
      }),
      { name: "large" },
    );
    expect(await session(`catch gen_server:call({large, '${name}'}, give)`))
      .toMatch(/^\{'EXIT',\{\{js_error,<<"EncodeError">>,.*send it in parts/);
    expect(await session(`gen_server:call({echo, '${name}'}, still_connected)`))
      .toBe("still_connected");
    await session("Ours ! binary:copy(<<0>>, 100001)");
    const tooLarge = /expected a (message|frame) of at most 100000 bytes/;
    await waitFor(() => tooLarge.test(ours.logs.complaints.join()), {
      what: "the end",
    });
  });
});
