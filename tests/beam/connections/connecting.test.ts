/**
 * How a BEAM node and a node of ours connect: visible and hidden, by names
 * long, short and dynamic, by epmd and by fixed ports, with cookies of all
 * kinds.
 */
import { lookup } from "node:dns/promises";
import { hostname } from "node:os";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import type { StartOptions } from "../../../runtime/mod.ts";
import {
  type BeamNode,
  type BeamOptions,
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import { freePort } from "../../helpers/ports.ts";
import { spawnProcess } from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";
import { eventsOf, type Logged, startNode } from "../../net/peers/raw_peer.ts";

const THEIR_NAME = "a@127.0.0.1";
const short = hostname().split(".")[0] ?? "";
const isLoopback = await lookup(short, 4).then(
  ({ address }) => address.startsWith("127."),
  () => false,
);

matrix("connecting with a BEAM node", () => {
  let epmdPort: number;
  let them: BeamNode;
  let hiddenOne: BeamNode;
  beforeAll(async () => {
    ({ port: epmdPort } = await startEpmd());
    [them, hiddenOne] = await Promise.all([
      startBeam(THEIR_NAME, { epmdPort }),
      startBeam("hidden@127.0.0.1", { epmdPort, flags: ["-hidden"] }),
    ]);
  });

  let count = 0;
  async function start(options: StartOptions = {}): Promise<Logged> {
    const ours = await startOurs(`c${++count}@127.0.0.1`, epmdPort, options);
    onTestFinished(() => ours.node.stop());
    return ours;
  }

  const connect = (name: string) => `net_kernel:connect_node('${name}')`;

  test.each([
    ["visible", "visible", true],
    ["hidden", "visible", false],
    ["visible", "hidden", false],
    ["hidden", "hidden", false],
  ])(
    "ours is %s, theirs %s: in each other's nodes() %s, for either direction",
    async (oursIs, theirsIs, isSeen) => {
      const beam = theirsIs === "hidden" ? hiddenOne : them;
      for (const isOurs of [true, false]) {
        const ours = await start({ hidden: oursIs === "hidden" });
        const { name } = ours.node;
        const events = eventsOf(ours.node);
        if (isOurs) expect(await ours.node.connect(beam.name)).toBe(true);
        else expect(await beam.run(connect(name))).toBe("true");
        await waitFor(
          async () =>
            await beam.run(`lists:member('${name}', nodes(connected))`) ===
              "true",
          { what: "them to see us" },
        );
        expect(await beam.run(`lists:member('${name}', nodes())`))
          .toBe(String(isSeen));
        expect(ours.node.nodes()).toEqual(isSeen ? [beam.name] : []);
        // Another attempt finds the connection that there is.
        expect(await ours.node.connect(beam.name)).toBe(true);
        expect(await beam.run(connect(name))).toBe("true");
        expect(ours.node.disconnect(beam.name)).toBe(true);
        await waitFor(
          async () =>
            await beam.run(`lists:member('${name}', nodes(connected))`) ===
              "false",
          { what: "them to lose us" },
        );
        expect(events).toEqual(
          isSeen ? [`+${beam.name}`, `-${beam.name}`] : [],
        );
        expect(ours.logs.complaints).toEqual([]);
        await ours.node.stop();
      }
    },
  );

  test("either side may disconnect, and a message connects anew", async () => {
    const ours = await start();
    const { name } = ours.node;
    const events = eventsOf(ours.node);
    ours.node.spawn(async (self) => {
      for await (const to of self) self.send(to as never, "here" as never);
    }, { name: "answer" });
    const ask = `{answer, '${name}'} ! self(), beam_driver:next()`;
    expect(await them.run(ask)).toBe('<<"here">>');
    expect(await them.run(`erlang:disconnect_node('${name}')`)).toBe("true");
    await waitFor(() => events.length === 2, { what: "the nodedown" });
    expect(await them.run(ask)).toBe('<<"here">>');
    ours.node.disconnect(them.name);
    expect(events).toHaveLength(4);
    // Until it sees that, it sends on what is closed.
    await waitFor(async () => await them.run("nodes()") === "[]", {
      what: "their nodedown",
    });
    expect(await them.run(ask)).toBe('<<"here">>');
    expect(events).toEqual(
      ["+", "-", "+", "-", "+"].map((sign) => `${sign}${them.name}`),
    );
  });

  test("nodeup and nodedown there, for those who want to know", async () => {
    const ours = await start();
    const { name } = ours.node;
    const session = them.session();
    // What stopped in an earlier test is no news of this one.
    await waitFor(async () => await session("nodes(connected)") === "[]", {
      what: "no other node there",
    });
    await session(
      `net_kernel:monitor_nodes(true), monitor_node('${name}', true)`,
    );
    await ours.node.connect(them.name);
    expect(await session("beam_driver:next()")).toBe(`{nodeup,'${name}'}`);
    await ours.node.stop();
    expect(
      await session("[beam_driver:next(), beam_driver:next()]"),
    ).toBe(`[{nodedown,'${name}'},{nodedown,'${name}'}]`);
    await session("net_kernel:monitor_nodes(false)");
  });

  test("with another cookie neither connects, and both say so", async () => {
    const ours = await start({ cookie: "another" });
    const { name } = ours.node;
    expect(await ours.node.connect(them.name)).toBe(false);
    expect(await them.run(connect(name))).toBe("false");
    expect(ours.logs.complaints.join("\n")).toMatch(
      /the cookies differ[^]*expected a@127\.0\.0\.1 to prove our cookie/,
    );
    expect(ours.node.nodes()).toEqual([]);
  });

  test("a cookie for one node, on either side", async () => {
    const ours = await start({ cookies: { [THEIR_NAME]: "special" } });
    const { name } = ours.node;
    expect(await them.run(connect(name))).toBe("false");
    await them.run(`erlang:set_cookie('${name}', special)`);
    expect(await them.run(connect(name))).toBe("true");
    expect(await hiddenOne.run(connect(name))).toBe("true");
    ours.node.disconnect(THEIR_NAME);
    expect(await ours.node.connect(THEIR_NAME)).toBe(true);
  });

  test("a node of another name is not taken for the one dialled", async () => {
    const port = (await them.run(
      "{ok, P} = inet:port(hd([S || S <- erlang:ports()," +
        " {ok, {_, Q}} <- [inet:sockname(S)], Q > 0," +
        " inet:peername(S) =:= {error, enotconn}])), P",
    )).trim();
    const ours = await start({
      peers: { "other@127.0.0.1": `127.0.0.1:${port}` },
    });
    expect(await ours.node.connect("other@127.0.0.1")).toBe(false);
    expect(ours.logs.complaints.join()).toMatch(
      /expected the node other@127\.0\.0\.1, got a@127\.0\.0\.1/,
    );
  });

  test("no node there, or none registered: reported without a wait", async () => {
    const ours = await start();
    expect(await ours.node.connect("nobody@127.0.0.1")).toBe(false);
    expect(ours.logs.complaints.join()).toMatch(/no such node is registered/);
    expect(await them.run(connect("nobody@127.0.0.1"))).toBe("false");
  });

  test("a node without a name gets none from us", async () => {
    const ours = await start();
    const nameless = await startBeam("undefined@127.0.0.1", { epmdPort });
    expect(await nameless.run(connect(ours.node.name))).toBe("false");
    await waitFor(() => ours.logs.complaints.length > 0, { what: "a word" });
    expect(ours.logs.complaints.join())
      .toMatch(/asks for a name of our choice/);
    // It gets one from a BEAM node, and with that one it may come.
    expect(await nameless.run(connect(THEIR_NAME))).toBe("true");
    expect(await nameless.run(connect(ours.node.name))).toBe("true");
    const dynamic = (await nameless.run("node()")).replaceAll("'", "");
    expect(await ours.node.connect(dynamic)).toBe(true);
    await nameless.stop();
  });

  test("a node that does not listen can connect to us", async () => {
    const ours = await start();
    const silent = await startBeam("silent@127.0.0.1", {
      epmdPort,
      flags: ["-dist_listen", "false"],
    });
    expect(await silent.run(connect(ours.node.name))).toBe("true");
    await waitFor(
      async () =>
        await silent.run("nodes(connected)") === `['${ours.node.name}']`,
      { what: "the connection" },
    );
    await silent.stop();
  });
});

matrix("names and ports of BEAM nodes and ours", () => {
  const fromBoth = async (ours: Logged, them: BeamNode): Promise<void> => {
    const { node } = ours;
    expect(await node.connect(them.name)).toBe(true);
    expect(node.nodes()).toEqual([them.name]);
    await waitFor(
      async () => await them.run(`nodes() =:= ['${node.name}']`) === "true",
      { what: "the BEAM node to have the connection as well" },
    );
    node.disconnect(them.name);
    await waitFor(async () => await them.run("nodes()") === "[]", {
      what: "the end of the connection",
    });
    expect(await them.run(`net_kernel:connect_node('${node.name}')`))
      .toBe("true");
    await waitFor(() => node.nodes().length === 1, { what: "the nodeup" });
    node.disconnect(them.name);
  };

  // Both listen on loopback, so the host's name must lead there.
  test.skipIf(!isLoopback)("short names", async () => {
    const { port: epmdPort } = await startEpmd();
    const them = await startBeam(`sa@${short}`, {
      epmdPort,
      isShort: true,
    });
    const ours = await startOurs(`sts@${short}`, epmdPort, {
      listenHost: "127.0.0.1",
    });
    await fromBoth(ours, them);
    expect(await ours.node.connect("a@127.0.0.1")).toBe(false);
    expect(ours.logs.complaints.join()).toMatch(/short/);
    await Promise.all([ours.node.stop(), them.stop()]);
  });

  test("one port for all, and no epmd", async () => {
    const port = await freePort();
    const nobody = await freePort();
    const options: BeamOptions = {
      epmdPort: nobody,
      flags: [
        ...["-erl_epmd_port", String(port)],
        ...["-kernel", "inet_dist_use_interface", "{127,0,0,2}"],
      ],
    };
    const them = await startBeam("fixed@127.0.0.2", options);
    const ours = await startNode({
      name: "ts@127.0.0.1",
      port,
      peerPort: port,
    });
    await fromBoth(ours, them);
    await Promise.all([ours.node.stop(), them.stop()]);
  });

  test("Erlang's own epmd, which ends and comes back", async () => {
    const port = await freePort();
    const startReal = () =>
      spawnProcess("epmd", ["-port", String(port), "-relaxed_command_check"]);
    const first = startReal();
    const names = async (): Promise<string> => {
      const list = spawnProcess("epmd", ["-port", String(port), "-names"]);
      await list.waitForExit();
      return list.stdout.filter((line) => line.startsWith("name "))
        .map((line) => line.split(" ")[1]).sort().join();
    };
    await waitFor(async () => await names() === "", { what: "epmd" });
    const [them, ours] = await Promise.all([
      startBeam("a@127.0.0.1", { epmdPort: port }),
      startOurs("ts@127.0.0.1", port),
    ]);
    expect(await names()).toBe("a,ts");
    const { creation } = ours.node.pid;
    await first.stop();
    // Ours takes the port at once, and they come to it within two seconds.
    await waitFor(async () => await names() === "a,ts", {
      what: "both to register anew",
    });
    await fromBoth(ours, them);
    expect(ours.node.pid.creation).toBe(creation);
    await Promise.all([ours.node.stop(), them.stop()]);
  });
});
