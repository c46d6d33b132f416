/** Erlang's `gen_statem` and `gen_event`, and ours, over the wire. */
import { beforeAll, expect, test } from "vitest";
import { atom, CallError, reasons, sys, tuple } from "../../../runtime/mod.ts";
import { eventHandler, GenEvent } from "../../../std/gen_event/mod.ts";
import {
  genStatem,
  initial,
  stop,
  takes,
} from "../../../std/gen_statem/mod.ts";
import type { StopError } from "../../../std/proc_lib/mod.ts";
import {
  type BeamNode,
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import type { Logged } from "../../net/peers/raw_peer.ts";
import { compileHere } from "./servers.ts";

const ends: unknown[] = [];

/** The same machine as `door` below. */
const Door = genStatem({
  name: "Door",
  calls: {
    open: takes<() => unknown>(),
    enter: takes<(who: string) => unknown>(),
    count: takes<() => unknown>(),
  },
  casts: { close: takes<() => void>() },
  init: (_self, first: number) =>
    initial<"closed" | "open", number>("closed", first),
  handleEvent: (event, door) => {
    if (event.type === "call" && event.name === "count") {
      return door.keepStateAndData([
        { type: "reply", from: event.from, value: door.data },
      ]);
    }
    if (event.type === "call" && event.name === "open") {
      door.reply(event.from, door.state);
      return door.nextState("open", door.data, [
        { type: "stateTimeout", timeoutMs: 60_000 },
      ]);
    }
    if (event.type === "call" && event.name === "enter") {
      if (door.state === "closed") {
        return door.keepStateAndData([{ type: "postpone" }]);
      }
      door.reply(event.from, tuple(atom("welcome"), event.args[0]));
      return door.keepState(door.data + 1);
    }
    if (event.type === "cast" && event.name === "close") {
      return door.nextState("closed");
    }
    if (event.type === "call") return door.stop(atom("odd"));
    return door.keepStateAndData();
  },
  terminate: (_door, reason) => void ends.push(reason),
});

const doorInErlang = [
  "-module(door).",
  "-export([init/1, callback_mode/0, handle_event/4]).",
  "init(N) -> {ok, closed, N}.",
  "callback_mode() -> handle_event_function.",
  `handle_event({call, F}, count, _, N) -> {keep_state_and_data, {reply, F, N}};
   handle_event({call, F}, open, S, N) ->
     {next_state, open, N, [{reply, F, S}, {state_timeout, 60000, []}]};
   handle_event({call, _}, {enter, _}, closed, _) ->
     {keep_state_and_data, postpone};
   handle_event({call, F}, {enter, Who}, open, N) ->
     {keep_state, N + 1, {reply, F, {welcome, Who}}};
   handle_event(cast, close, _, N) -> {next_state, closed, N};
   handle_event({call, _}, _, _, _) -> {stop, odd};
   handle_event(_, _, _, _) -> keep_state_and_data.`,
];

const counterInErlang = [
  "-module(counting).",
  "-export([init/1, handle_event/2, handle_call/2, terminate/2]).",
  "init(N) -> {ok, N}.",
  `handle_event({add, M}, N) -> {ok, N + M};
   handle_event(fail, _) -> exit(oops).`,
  "handle_call(get, N) -> {ok, N, N}.",
  "terminate(_, N) -> {ended, N}.",
];

matrix("state machines and event managers of ours and of Erlang", () => {
  let ours: Logged;
  let them: BeamNode;

  beforeAll(async () => {
    const { port: epmdPort } = await startEpmd();
    ours = await startOurs("ts@127.0.0.1", epmdPort);
    them = await startBeam("erl@127.0.0.1", { epmdPort });
    await ours.node.connect(them.name);
    expect(await them.run(compileHere(doorInErlang))).toBe("door");
    expect(await them.run(compileHere(counterInErlang))).toBe("counting");
  });

  test("Erlang calls, casts to, looks into and stops a machine of ours", async () => {
    await ours.node.run((self) => Door.start(self, 7, { name: "door" }));
    const door = `{door, '${ours.node.name}'}`;
    const ask = (request: string) =>
      them.run(`gen_statem:call(${door}, ${request})`);
    expect(await ask("count")).toBe("7");
    // Postponed until another process has opened it.
    const session = them.session();
    expect(
      await session(
        `Me = self(),
         spawn(fun() -> Me ! gen_statem:call(${door}, {enter, <<"ada">>}) end),
         ok`,
      ),
    ).toBe("ok");
    expect(await ask("open")).toBe(`<<"closed">>`);
    expect(await session("receive X -> X after 5000 -> none end"))
      .toBe('{welcome,<<"ada">>}');
    expect(await them.run(`gen_statem:cast(${door}, close)`)).toBe("ok");
    expect(await ask("open")).toBe(`<<"closed">>`);
    expect(await them.run(`sys:get_state(${door})`))
      .toBe('[<<"open">>,8]');
    expect(
      await them.run(
        `try gen_statem:call(${door}, what)
         catch exit:{Reason, {gen_statem, call, _}} -> Reason end`,
      ),
    ).toBe("odd");
    expect(
      await them.run(
        `try gen_statem:call(${door}, count)
         catch exit:{Reason, {gen_statem, call, _}} -> Reason end`,
      ),
    ).toBe("noproc");
    await ours.node.run((self) => Door.start(self, 1, { name: "door" }));
    expect(await them.run(`gen_statem:stop(${door}, shutdown, 5000)`))
      .toBe("ok");
    expect(ends).toEqual([atom("odd"), reasons.shutdown]);
  });

  test("ours call, cast to, look into and stop one of Erlang's", async () => {
    await them.run("{ok, _} = gen_statem:start({local, door}, door, 7, [])");
    const target = { name: "door", node: them.name };
    await ours.node.run(async (self) => {
      const door = Door.at(self, target);
      expect(await door.count()).toBe(7);
      const entered = door.enter("ada");
      expect(await door.open()).toBe(atom("closed"));
      expect(await entered).toEqual(tuple(atom("welcome"), "ada"));
      door.close();
      expect(await door.open()).toBe(atom("closed"));
      expect(await sys.getState(self, target)).toEqual(tuple(atom("open"), 8));
      const odd = await self.call(target, atom("what"))
        .catch((error: unknown) => error);
      expect(odd).toBeInstanceOf(CallError);
      expect((odd as CallError).reason).toBe(atom("odd"));
      await them.run("{ok, _} = gen_statem:start({local, door}, door, 1, [])");
      await stop(self, target, reasons.shutdown);
      const gone = await stop(self, target).catch((error: unknown) => error);
      expect((gone as StopError).reason).toBe(reasons.noproc);
    });
  });

  test("Erlang notifies, asks and stops an event manager of ours", async () => {
    const words: unknown[] = [];
    await ours.node.run(async (self) => {
      const events = await GenEvent.start(self, { name: "events" });
      await events.addHandler(
        atom("counting"),
        eventHandler({
          init: () => 0,
          handleEvent: (event, handler) => {
            words.push(event);
            if (event === atom("fail")) throw new Error("oops");
            handler.state++;
          },
          handleCall: (request, { state }) => tuple(request, state),
          terminate: ({ state }, { type }) => tuple(atom(type), state),
        }),
      );
    });
    const events = `{events, '${ours.node.name}'}`;
    const run = (call: string) => them.run(`gen_event:${call}`);
    expect(await run(`notify(${events}, {add, 1})`)).toBe("ok");
    expect(await run(`sync_notify(${events}, two)`)).toBe("ok");
    expect(words).toEqual([tuple(atom("add"), 1), atom("two")]);
    expect(await run(`call(${events}, counting, get)`)).toBe("{get,2}");
    expect(await run(`call(${events}, nobody, get)`)).toBe(
      "{error,bad_module}",
    );
    expect(await run(`which_handlers(${events})`)).toBe("[counting]");
    expect(await run(`add_handler(${events}, counting, 1)`))
      .toBe("{error,{'EXIT',undef}}");
    expect(await run(`delete_handler(${events}, nobody, x)`))
      .toBe("{error,module_not_found}");
    expect(await run(`delete_handler(${events}, counting, x)`))
      .toBe("{deleted,2}");
    expect(await run(`which_handlers(${events})`)).toBe("[]");
    expect(await run(`stop(${events})`)).toBe("ok");
  });

  test("ours notify, ask and stop an event manager of Erlang's", async () => {
    await them.run("{ok, _} = gen_event:start({local, events})");
    await them.run("ok = gen_event:add_handler(events, counting, 40)");
    await ours.node.run(async (self) => {
      const events = GenEvent.at(self, { name: "events", node: them.name });
      const id = atom("counting");
      events.notify(tuple(atom("add"), 1));
      await events.syncNotify(tuple(atom("add"), 1));
      expect(await events.call(id, atom("get"))).toBe(42);
      expect(await events.whichHandlers()).toEqual([id]);
      const absent = await events.call(atom("nobody"), 1)
        .catch((error: unknown) => error);
      expect((absent as CallError).reason).toBe(atom("bad_module"));
      expect(await events.deleteHandler(id)).toEqual(tuple(atom("ended"), 42));
      const gone = await events.deleteHandler(id)
        .catch((error: unknown) => error);
      expect((gone as CallError).reason).toBe(atom("module_not_found"));
      await events.stop(reasons.shutdown);
      expect(await them.run("whereis(events)")).toBe("undefined");
    });
  });
});
