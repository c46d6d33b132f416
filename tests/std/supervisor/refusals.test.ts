/** Refusals whose reason cannot be sent to the caller. */
import { describe, expect, test } from "vitest";
import {
  type RunningNode,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { DynamicSupervisor } from "../../../std/dynamic_supervisor/mod.ts";
import { genServer } from "../../../std/gen_server/mod.ts";
import { PartitionSupervisor } from "../../../std/partition_supervisor/mod.ts";
import { type AnySelf, Supervisor } from "../../../std/supervisor/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { two } from "../../helpers/clusters.ts";
import { failure, refusal } from "../outcomes.ts";

const Idle = genServer({ name: "Idle", init: () => 0 });

const reason = { close: () => {} };
const PRINTED = "{ close: function close }";

/** A child's start that fails once `isFailing` is set. */
class Start {
  isFailing = false;
  readonly run = (self: AnySelf) => {
    if (this.isFailing) throw reason;
    return Idle.startLink(self);
  };
}

/** Starts supervisors on a node that outlive the actor that starts them. */
async function startSupervisors(node: RunningNode): Promise<Start> {
  const start = new Start();
  await node.run(async (self: Self<unknown>) => {
    const child = { id: "x", start: start.run };
    const sup = await Supervisor.start(self, {
      name: "sup",
      children: [child],
    });
    await sup.terminateChild("x");
    const parts = await PartitionSupervisor.start(self, {
      name: "parts",
      partitions: 2,
      child: () => child,
    });
    await parts.resize(1);
    await DynamicSupervisor.start(self, { name: "dynamic" });
  });
  start.isFailing = true;
  return start;
}

test("a start that is a function is refused before it is sent to another node", async () => {
  const { a, b } = await two();
  const { run } = await startSupervisors(b);
  await a.run(async (self: Self<unknown>) => {
    const spec = { id: "y", start: run };
    for (const Kind of [Supervisor, DynamicSupervisor]) {
      const far = Kind.at(self, { name: "dynamic", node: b.name });
      const error = await failure(far.startChild(spec));
      expect(error).toBeInstanceOf(UsageError);
      expect(String(error)).toContain("got one of b@test; have an actor there");
    }
  });
});

describe("a reason that cannot be sent", () => {
  test("is printed for a caller on another node, and the supervisor lives on", async () => {
    const { a, b } = await two();
    const start = await startSupervisors(b);
    await a.run(async (self: Self<unknown>) => {
      const at = (name: string) => ({ name, node: b.name });
      const sup = Supervisor.at(self, at("sup"));
      expect(await refusal(sup.restartChild("x"))).toBe(PRINTED);
      const parts = PartitionSupervisor.at(self, at("parts"));
      expect(await refusal(parts.resize(2))).toBe(PRINTED);
      expect((await parts.countChildren()).active).toBe(1);
      start.isFailing = false;
      await sup.restartChild("x");
      expect(await parts.resize(2)).toBe(1);
    });
  });

  test("is printed on a node that copies messages, and the supervisor lives on", async () => {
    const { node } = await lone({ isolate: "copy" });
    const start = await startSupervisors(node);
    await node.run(async (self: Self<unknown>) => {
      const spec = { id: "y", start: start.run };
      const sup = Supervisor.at(self, "sup");
      expect(await refusal(sup.restartChild("x"))).toBe(PRINTED);
      expect(await refusal(sup.startChild(spec))).toBe(PRINTED);
      const dynamic = DynamicSupervisor.at(self, "dynamic");
      expect(await refusal(dynamic.startChild(spec))).toBe(PRINTED);
      start.isFailing = false;
      expect([await sup.startChild(spec), await dynamic.startChild(spec)])
        .not.toContain(null);
    });
  });
});
