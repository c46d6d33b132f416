/**
 * What a BEAM node learns when it asks a node of ours what runs there, in the
 * shapes in which BEAM nodes tell it.
 */
import { expect, test } from "vitest";
import { atom, type Pid } from "../../../runtime/mod.ts";
import { matrix } from "../../helpers/beam_nodes.ts";
import { counter } from "../std/servers.ts";
import { world } from "../world.ts";

const TS = "'ts@127.0.0.1'";

matrix("a BEAM node that looks into ours", () => {
  const nodes = world();
  const run = (expression: string) => nodes.them.run(expression);

  test("looks around", async () => {
    const ask = (name: string, args = "") =>
      run(`erpc:call(${TS}, erlang, ${name}, [${args}])`);
    const pid = nodes.ours.node.spawn(counter, { name: "counter" });
    expect(await ask("node")).toBe(TS);
    expect(await ask("nodes")).toBe("['a@127.0.0.1']");
    expect(await ask("whereis", "nobody")).toBe("undefined");
    expect(
      await run(
        `Pid = erpc:call(${TS}, erlang, whereis, [counter]),
         true = erpc:call(${TS}, erlang, is_process_alive, [Pid]),
         true = lists:member(Pid, erpc:call(${TS}, erlang, processes, [])),
         true = lists:member(rex, erpc:call(${TS}, erlang, registered, [])),
         {status, waiting} = rpc:pinfo(Pid, status),
         [{registered_name, counter} | _] = rpc:pinfo(Pid),
         node(Pid)`,
      ),
    ).toBe(TS);
    expect(await ask("system_info", "machine")).toBe('"Hornbeam"');
    expect(await run(`catch erpc:call(${TS}, erlang, system_info, [x])`))
      .toContain("{exception,badarg,[{erlang,system_info,[x],[]}]}");
    expect(
      await run(`is_integer(erpc:call(${TS}, erlang, monotonic_time, []))`),
    )
      .toBe("true");
    await nodes.ours.node.run((self) =>
      self.sendExit(pid as Pid, atom("kill"))
    );
  });

  test("is told of actors in the shapes of processes", async () => {
    const session = nodes.them.session();
    // All items but those that a process need not have.
    const items = `[backtrace, binary, catchlevel, current_function,
      current_location, current_stacktrace, dictionary, error_handler,
      fullsweep_after, garbage_collection, garbage_collection_info,
      group_leader, heap_size, initial_call, last_calls, links, max_heap_size,
      memory, message_queue_data, message_queue_len, min_bin_vheap_size,
      min_heap_size, monitored_by, monitors, priority, reductions,
      sequential_trace_token, stack_size, status, suspending, total_heap_size,
      trace, trap_exit]`;
    expect(
      await session(
        `Kind = fun(X) when is_atom(X) -> atom; (X) when is_pid(X) -> pid;
                   (X) when is_integer(X) -> integer;
                   (X) when is_list(X) -> list; (X) when is_map(X) -> map;
                   (X) when is_tuple(X) -> tuple_size(X);
                   (X) when is_binary(X) -> binary end,
         Pid = erpc:call(${TS}, erlang, whereis, [rex]),
         [{Item, There, Here} ||
           {Item, There} <- process_info(self(), ${items}),
           {I, Here} <- [rpc:pinfo(Pid, Item)],
           I =/= Item orelse Kind(There) =/= Kind(Here)]`,
      ),
    ).toBe("[]");
    // Its messages are shown to no caller.
    for (const item of ["messages", "zork"]) {
      expect(
        await session(`element(2, element(2, rpc:pinfo(Pid, ${item})))
        =:= {badarg, [{erlang, process_info, [Pid, ${item}], []}]}`),
      )
        .toBe("true");
    }
  });
});
