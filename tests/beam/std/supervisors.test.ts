/** Elixir and Erlang ask supervisors of ours, and ours ask theirs. */
import { beforeAll, expect, test } from "vitest";
import { atom, type Pid, reasons, tuple } from "../../../runtime/mod.ts";
import { DynamicSupervisor } from "../../../std/dynamic_supervisor/mod.ts";
import { PartitionSupervisor } from "../../../std/partition_supervisor/mod.ts";
import { actorStart, Supervisor } from "../../../std/supervisor/mod.ts";
import { park } from "../../helpers/actors.ts";
import {
  type BeamNode,
  type Evaluator,
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import type { Logged } from "../../net/peers/raw_peer.ts";
import { endOf, refusal } from "../../std/outcomes.ts";

const parked = actorStart(park);

matrix("supervisors of ours and of a BEAM node", () => {
  let ours: Logged;
  let them: BeamNode;
  let elixir: Evaluator;
  let erlang: Evaluator;

  beforeAll(async () => {
    const { port: epmdPort } = await startEpmd();
    ours = await startOurs("ts@127.0.0.1", epmdPort);
    them = await startBeam("ex@127.0.0.1", { epmdPort, program: "elixir" });
    elixir = them.session("elixir", "elixir");
    erlang = them.session("erlang");
    await ours.node.connect(them.name);
  });

  test("Erlang asks ours for everything that supervisor can be asked", async () => {
    await ours.node.run((self) =>
      Supervisor.start(self, {
        name: "sup",
        children: [
          { id: atom("a"), start: parked, restart: "transient" },
          { id: 2, start: parked, shutdown: "brutalKill" },
          Supervisor.child({ children: [] }, { id: tuple("inner", 1) }),
        ],
      })
    );
    const sup = `{sup, '${ours.node.name}'}`;
    expect(
      await erlang(
        `[{I, is_pid(P), T, M} ||
            {I, P, T, M} <- supervisor:which_children(${sup})]`,
      ),
    ).toBe(
      '[{{<<"inner">>,1},true,supervisor,[]},' +
        "{2,true,worker,[]},{a,true,worker,[]}]",
    );
    const counts = (active: number, specs = 3) =>
      `[{specs,${specs}},{active,${active}},{supervisors,1},` +
      `{workers,${specs - 1}}]`;
    const counted = () => erlang(`supervisor:count_children(${sup})`);
    expect(await counted()).toBe(counts(3));
    const ask = (name: string, id: string) =>
      erlang(`supervisor:${name}(${sup}, ${id})`);
    expect(await ask("terminate_child", "a")).toBe("ok");
    expect(await counted()).toBe(counts(2));
    expect(await ask("terminate_child", "nobody")).toBe("{error,not_found}");
    expect(await erlang(`element(1, supervisor:restart_child(${sup}, a))`))
      .toBe("ok");
    expect(await ask("restart_child", "a")).toBe("{error,running}");
    expect(await ask("delete_child", "a")).toBe("{error,running}");
    expect(await ask("terminate_child", "a")).toBe("ok");
    expect(
      await erlang(
        `{ok, Spec} = supervisor:get_childspec(${sup}, a),
         maps:with([id, restart, shutdown, type, significant], Spec)`,
      ),
    ).toBe(
      "#{id => a,restart => transient,shutdown => 5000," +
        "significant => false,type => worker}",
    );
    expect(await ask("delete_child", "a")).toBe("ok");
    expect(await counted()).toBe(counts(2, 2));
    // A module and a function of Erlang's are nothing that ours could start.
    expect(
      await erlang(
        `element(1, element(2, supervisor:start_child(${sup},
           #{id => x, start => {m, f, []}})))`,
      ),
    ).toBe("invalid_child_spec");
    expect(await erlang(`gen_server:call(${sup}, odd)`))
      .toBe("{error,{bad_call,odd}}");
    expect(await erlang(`gen_server:stop(${sup})`)).toBe("ok");
  });

  test("Elixir asks ours, also of many and of partitions", async () => {
    const pids = await ours.node.run(async (self) => {
      await Supervisor.start(self, {
        name: "sup",
        children: [{ id: atom("a"), start: parked }],
      });
      const crowd = await DynamicSupervisor.start(self, { name: "crowd" });
      await PartitionSupervisor.start(self, {
        name: "parts",
        partitions: 2,
        child: () => ({ start: parked }),
      });
      return [
        await crowd.startChild({ start: parked }),
        await crowd.startChild({ start: parked }),
      ];
    });
    const at = (name: string) => `{:${name}, :"${ours.node.name}"}`;
    expect(
      await elixir(
        `[{:a, pid, :worker, []}] = Supervisor.which_children(${at("sup")})
         is_pid(pid)`,
      ),
    ).toBe("true");
    expect(
      await elixir(`Supervisor.count_children(${at("sup")}) |> Map.to_list()`),
    ).toBe("[active: 1, specs: 1, supervisors: 0, workers: 1]");
    expect(await elixir(`Supervisor.terminate_child(${at("sup")}, :a)`))
      .toBe(":ok");
    expect(await elixir(`Supervisor.delete_child(${at("sup")}, :a)`))
      .toBe(":ok");
    expect(await elixir(`Supervisor.stop(${at("sup")}, :shutdown)`))
      .toBe(":ok");
    const crowd = at("crowd");
    expect(
      await elixir(
        `rows = DynamicSupervisor.which_children(${crowd})
         [{:undefined, first, :worker, []}, {:undefined, _, _, _}] = rows
         :ok = DynamicSupervisor.terminate_child(${crowd}, first)
         {:error, :not_found} =
           DynamicSupervisor.terminate_child(${crowd}, first)
         DynamicSupervisor.count_children(${crowd}).active`,
      ),
    ).toBe("1");
    await ours.node.run((self) => {
      expect(pids.map((pid) => self.isActorAlive(pid as Pid)))
        .toEqual([false, true]);
    });
    expect(
      await elixir(
        `{:error, {:invalid_child_spec, _}} =
           DynamicSupervisor.start_child(${crowd}, {Agent, fn -> 1 end})
         DynamicSupervisor.stop(${crowd})`,
      ),
    ).toBe(":ok");
    expect(
      await elixir(
        `for {id, _, _, _} <- Supervisor.which_children(${
          at("parts")
        }), do: id`,
      ),
    ).toBe("[1, 0]");
  });

  test("ours ask Elixir's Supervisor", async () => {
    await elixir(
      `{:ok, _} = Supervisor.start_link(
         [Supervisor.child_spec({Agent, fn -> 1 end}, id: :one)],
         strategy: :one_for_one, name: Theirs); Process.whereis(Theirs)
         |> Process.unlink()`,
    );
    const target = { name: "Elixir.Theirs", node: them.name };
    await ours.node.run(async (self) => {
      const sup = Supervisor.at(self, target);
      const [first] = await sup.whichChildren();
      expect(first).toMatchObject({
        id: atom("one"),
        type: "worker",
        modules: [atom("Elixir.Agent")],
      });
      expect((first?.pid as Pid).node).toBe(them.name);
      const spec = {
        id: atom("two"),
        start: tuple(atom("gen_event"), atom("start_link"), []),
        restart: "temporary",
        shutdown: "brutalKill",
      } as const;
      const pid = await sup.startChild(spec);
      expect(pid?.node).toBe(them.name);
      expect(await refusal(sup.startChild(spec)))
        .toEqual(tuple(atom("already_started"), pid));
      expect(await sup.countChildren())
        .toEqual({ specs: 2, active: 2, supervisors: 0, workers: 2 });
      expect(await sup.getChildSpec(atom("two"))).toMatchObject({
        id: atom("two"),
        restart: "temporary",
        shutdown: "brutalKill",
        type: "worker",
      });
      expect(await refusal(sup.deleteChild(atom("two"))))
        .toBe(atom("running"));
      await sup.terminateChild(atom("two"));
      await sup.terminateChild(atom("one"));
      expect((await sup.whichChildren())[0]).toMatchObject({ pid: null });
      expect((await sup.restartChild(atom("one")))?.node).toBe(them.name);
      expect(await refusal(sup.restartChild(atom("one"))))
        .toBe(atom("running"));
      for (const id of [atom("two"), "one"]) {
        expect(await refusal(sup.terminateChild(id))).toBe(atom("not_found"));
      }
      await sup.stop();
    });
  });

  test("ours ask Elixir's DynamicSupervisor", async () => {
    await elixir(
      `{:ok, _} = DynamicSupervisor.start_link(
         strategy: :one_for_one, name: Crowd, max_children: 1)
       Process.whereis(Crowd) |> Process.unlink()`,
    );
    const target = { name: "Elixir.Crowd", node: them.name };
    await ours.node.run(async (self) => {
      const crowd = DynamicSupervisor.at(self, target);
      const start = tuple(atom("gen_event"), atom("start_link"), []);
      const pid = await crowd.startChild({ start }) as Pid;
      expect(await crowd.whichChildren()).toEqual([
        { pid, type: "worker", modules: [atom("gen_event")] },
      ]);
      expect(await refusal(crowd.startChild({ start })))
        .toBe(atom("max_children"));
      expect(await crowd.countChildren())
        .toEqual({ specs: 1, active: 1, supervisors: 0, workers: 1 });
      await crowd.terminateChild(pid);
      expect(await refusal(crowd.terminateChild(pid)))
        .toBe(atom("not_found"));
      await crowd.stop(reasons.shutdown);
    });
  });

  test("a supervisor of ours has a child on a BEAM node, and restarts it", async () => {
    const { node } = ours;
    await elixir(
      `{:ok, _} = DynamicSupervisor.start_link(
         strategy: :one_for_one, name: Far)
       Process.whereis(Far) |> Process.unlink()`,
    );
    await node.run(async (self) => {
      const far = { name: "Elixir.Far", node: them.name };
      const agent = [atom("Elixir.Map"), atom("new"), []];
      const start = tuple(atom("Elixir.Agent"), atom("start_link"), agent);
      const sup = await Supervisor.start(self, {
        children: [{
          id: "far",
          start: async (me) => {
            const pid = await DynamicSupervisor.at(me, far)
              .startChild({ start, restart: "temporary" });
            me.link(pid as Pid);
            return pid as Pid;
          },
        }],
      });
      const pid = async () => (await sup.whichChildren())[0]?.pid as Pid;
      const first = await pid();
      expect(first.node).toBe(them.name);
      await endOf(self, first, () => self.sendExit(first, reasons.kill));
      let second = await pid();
      while (second === first) second = await pid();
      expect(second.node).toBe(them.name);
      await sup.stop();
    });
  });
}, "elixir");
