/**
 * Ticks between BEAM nodes with a short `net_ticktime` and nodes of ours: what
 * keeps an idle connection, and how each side finds the other silent.
 */
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import {
  type BeamNode,
  type BeamOptions,
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import {
  currentRuntime,
  root,
  type SpawnedProcess,
  spawnRuntime,
} from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";
import { COOKIE, eventsOf } from "../../net/peers/raw_peer.ts";

/** `net_ticktime`; a silent node is down after this and a quarter at most. */
const TICKTIME_MS = 8_000;
/** Additional time on a busy machine. */
const SLACK_MS = 4_000;
/** Longer than either of the two waits for a silent peer. */
const IDLE_MS = 1.25 * TICKTIME_MS + 1_500;
const limits = { netTicktimeMs: TICKTIME_MS };
const flags = ["-kernel", "net_ticktime", String(TICKTIME_MS / 1_000)];

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** A node of ours in a process of its own, connected to a BEAM node. */
async function startChild(
  name: string,
  epmdPort: number,
  them: BeamNode,
): Promise<SpawnedProcess> {
  const options = {
    name,
    cookie: COOKIE,
    epmdPort,
    limits,
    connect: [them.name],
  };
  const child = spawnRuntime(
    currentRuntime(),
    join(root, "tests/fixtures/cluster_node.ts"),
    [JSON.stringify(options)],
  );
  await child.waitForLine(/^ready/, 15_000);
  return child;
}

function expectSilence(ms: number): void {
  expect(ms).toBeGreaterThanOrEqual(TICKTIME_MS - 500);
  expect(ms).toBeLessThanOrEqual(1.25 * TICKTIME_MS + SLACK_MS);
}

matrix("silence between BEAM nodes and ours", () => {
  /** They take long and do not disturb each other. */
  const stories = {
    async "idle connections stay, for all limits and kinds"() {
      const { port, start } = await nodes();
      const them = await start("idle@127.0.0.1");
      // They would make each other known, and be anything but idle.
      const alone = { global: false } as const;
      const ours = await Promise.all([
        startOurs("i1@127.0.0.1", port, { ...alone, limits }),
        startOurs("i2@127.0.0.1", port, { ...alone, limits, hidden: true }),
        // Ours by default would write too late: it answers ticks.
        startOurs("i3@127.0.0.1", port, alone),
        startOurs("i4@127.0.0.1", port, {
          ...alone,
          limits,
          withoutFlags: 0x802000n,
        }),
      ]);
      const session = them.session();
      await session("net_kernel:monitor_nodes(true, [{node_type, all}])");
      const events = ours.map(({ node }) => eventsOf(node));
      for (const { node } of ours) {
        expect(await node.connect(them.name)).toBe(true);
      }
      await session("[beam_driver:next() || _ <- lists:seq(1, 4)], ok");
      events.forEach((list) => list.length = 0);
      await pause(IDLE_MS);
      expect(events.flat()).toEqual([]);
      expect(await session("beam_driver:contents()")).toBe("[]");
      expect(await session("length(nodes(connected))")).toBe("4");
      for (const { logs } of ours) expect(logs.complaints).toEqual([]);
    },

    async "a BEAM node that stands still is found down here"() {
      const { port, start } = await nodes();
      const them = await start("stands@127.0.0.1");
      const ours = await startOurs("s1@127.0.0.1", port, { limits });
      expect(await ours.node.connect(them.name)).toBe(true);
      const reasons: string[] = [];
      ours.node.onNodeEvent((event) => {
        if (event.type === "nodedown") reasons.push(event.reason);
      });
      const stoppedAt = performance.now();
      them.process.kill("SIGSTOP");
      await waitFor(() => reasons.length > 0, {
        what: "the nodedown",
        timeoutMs: 1.25 * TICKTIME_MS + SLACK_MS,
      });
      const tookMs = performance.now() - stoppedAt;
      them.process.kill("SIGCONT");
      // It wrote last at most a quarter of the time before it was stopped.
      expect(tookMs).toBeGreaterThan(0.7 * TICKTIME_MS);
      const silent = /^tick-timeout: silent for (\d+) ms$/.exec(reasons[0]!);
      expectSilence(Number(silent?.[1]));
      // It goes on, learns that the connection is gone, and can come back.
      await waitFor(async () => await them.run("nodes()") === "[]", {
        what: "its nodedown",
      });
      expect(await them.run(`net_kernel:connect_node('${ours.node.name}')`))
        .toBe("true");
    },

    async "a node of ours that stands still is found down there"() {
      const { port, start } = await nodes();
      const them = await start("finds@127.0.0.1");
      const child = await startChild("still@127.0.0.1", port, them);
      const session = them.session();
      await session(
        "net_kernel:monitor_nodes(true, [nodedown_reason]), monitor_node('still@127.0.0.1', true)",
      );
      const stoppedAt = performance.now();
      child.kill("SIGSTOP");
      const timeoutMs = 1.25 * TICKTIME_MS + SLACK_MS;
      expect(
        await session(
          `receive {nodedown, N, [{nodedown_reason, R}]} -> {N, R}
           after ${timeoutMs} -> nothing end`,
          timeoutMs + 1_000,
        ),
      ).toBe("{'still@127.0.0.1',net_tick_timeout}");
      expect(performance.now() - stoppedAt).toBeGreaterThan(0.7 * TICKTIME_MS);
      child.kill("SIGCONT");
      await child.waitForLine(/^down finds@127\.0\.0\.1/);
      await child.stop();
    },

    async "a node of ours that works long is kept"() {
      const { port, start } = await nodes();
      const them = await start("keeps@127.0.0.1");
      const child = await startChild("busy@127.0.0.1", port, them);
      const session = them.session();
      await session("net_kernel:monitor_nodes(true)");
      child.write("block 5000\n");
      await child.waitForLine(/^unblocked/, 10_000);
      await pause(TICKTIME_MS / 2);
      expect(await session("{nodes(), beam_driver:contents()}"))
        .toBe("{['busy@127.0.0.1'],[]}");
      expect(child.stdout.filter((line) => /^(down|log error)/.test(line)))
        .toEqual([]);
      // And one that is killed is down at once, not after a silence.
      await session(
        `net_kernel:monitor_nodes(false),
         net_kernel:monitor_nodes(true, [nodedown_reason])`,
      );
      child.kill("SIGKILL");
      expect(await session("beam_driver:next()")).toBe(
        "{nodedown,'busy@127.0.0.1',[{nodedown_reason,connection_closed}]}",
      );
    },
  } satisfies Record<string, () => Promise<void>>;

  let epmdPort: Promise<number>;
  const nodes = async () => {
    const port = await epmdPort;
    const start = (name: string, options: Partial<BeamOptions> = {}) =>
      startBeam(name, { epmdPort: port, flags, ...options });
    return { port, start };
  };
  const told = new Map<string, Promise<void>>();
  beforeAll(() => {
    epmdPort = startEpmd().then(({ port }) => port);
    for (const [what, tell] of Object.entries(stories)) {
      const story = tell();
      story.catch(() => {});
      told.set(what, story);
    }
  });

  test.each(Object.keys(stories))("%s", { timeout: 40_000 }, async (what) => {
    expect(await told.get(what)).toBeUndefined();
  });
});
