/** Erlang's `gen_statem` and ours handle the same events in the same order. */
import { beforeAll, expect, test } from "vitest";
import { atom, erpc, type Pid, tuple } from "../../../runtime/mod.ts";
import {
  type BeamNode,
  matrix,
  startBeam,
  startEpmd,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import type { Logged } from "../../net/peers/raw_peer.ts";
import { decide, type Decision } from "../../std/gen_statem/model.ts";
import { type Data, ways } from "../../std/gen_statem/ordered.ts";
import { compileHere } from "./servers.ts";

const SEEDS = 150;
const STEPS = 400;
const messages = Array.from({ length: 12 }, (_, n) => `message ${n}`);

/** No time-out is waited for, so that the order does not depend on clocks. */
function decided(seed: number, step: number): Decision {
  const decision = decide(seed, step);
  return {
    ...decision,
    timeouts: decision.timeouts.map((one) => ({
      ...one,
      ms: typeof one.ms === "number" && one.ms > 0 ? 60_000 : one.ms,
    })),
  };
}

function term(decision: Decision): unknown {
  const { next, isRepeat, isPostponed, inserted, timeouts } = decision;
  return tuple(
    atom(next ?? "none"),
    isRepeat,
    isPostponed,
    inserted,
    timeouts.map(({ kind, ms, content }) =>
      tuple(atom(kind), typeof ms === "number" ? ms : atom(ms), content)
    ),
  );
}

/** Does what the list of decisions says, and notes what it was called with. */
const ordered = [
  "-module(ordered).",
  "-export([init/1, callback_mode/0, handle_event/4]).",
  `init({Decisions, Messages}) ->
     [self() ! M || M <- Messages],
     {ok, a, {Decisions, []}}.`,
  "callback_mode() -> [handle_event_function, state_enter].",
  `handle_event({call, From}, trace, _, {_, Trace}) ->
     {keep_state_and_data, {reply, From, lists:reverse(Trace)}};
   handle_event(enter, Old, State, {[{_, _, _, _, Timeouts} | Rest], Trace}) ->
     {keep_state, {Rest, [[State, enter, Old] | Trace]}, timeouts(Timeouts)};
   handle_event(_, Content, State, {[Decision | Rest], Trace}) ->
     {Next, IsRepeat, IsPostponed, Inserted, Timeouts} = Decision,
     Data = {Rest, [[State, event, Content] | Trace]},
     Actions = [postpone || IsPostponed] ++
       [{next_event, internal, I} || I <- Inserted] ++ timeouts(Timeouts),
     case {Next, IsRepeat} of
       {none, false} -> {keep_state, Data, Actions};
       {none, true} -> {repeat_state, Data, Actions};
       _ -> {next_state, Next, Data, Actions}
     end.`,
  "timeouts(Timeouts) -> [action(T) || T <- Timeouts].",
  `action({Kind, cancel, _}) -> {kind(Kind), cancel};
   action({Kind, update, Content}) -> {kind(Kind), update, Content};
   action({Kind, Ms, Content}) -> {kind(Kind), Ms, Content}.`,
  `kind(timeout) -> timeout;
   kind(state) -> state_timeout;
   kind(Name) -> {timeout, Name}.`,
];

matrix("the order of a state machine's events", () => {
  let ours: Logged;
  let them: BeamNode;

  beforeAll(async () => {
    const { port: epmdPort } = await startEpmd();
    ours = await startOurs("ts@127.0.0.1", epmdPort);
    them = await startBeam("erl@127.0.0.1", { epmdPort });
    await ours.node.connect(them.name);
    expect(await them.run(compileHere(ordered))).toBe("ordered");
  });

  test("is the same in Erlang's machine and in ours", async () => {
    let steps = 0;
    await ours.node.run(async (self) => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const theirs = await traceOfTheirs(seed);
        const data: Data = {
          decide: (step) => decided(seed, step),
          trace: [],
        };
        const { pid } = await ways["one function"].start(self, data);
        for (const message of messages) {
          self.send(pid as Pid<unknown>, message);
        }
        await self.call(pid, "done");
        const trace = data.trace.slice(0, -1)
          .map(({ state, event }) => `${state}: ${event}`);
        expect(trace, `seed ${seed}`).toEqual(theirs);
        steps += trace.length;
        self.sendExit(pid as Pid, "enough");
      }

      async function traceOfTheirs(seed: number): Promise<readonly string[]> {
        const decisions = Array.from(
          { length: STEPS },
          (_, step) => term(decided(seed, step)),
        );
        const started = await erpc.call(
          self,
          them.name,
          "gen_statem:start",
          [atom("ordered"), tuple(decisions, messages), []],
        ) as { readonly items: readonly [unknown, Pid] };
        const [, pid] = started.items;
        const trace = await self.call<[symbol, symbol, unknown][]>(
          pid,
          atom("trace"),
        );
        self.sendExit(pid, atom("kill"));
        return trace.map(([state, what, content]) =>
          what === atom("enter")
            ? `${state.description}: enter from ${
              (content as symbol).description
            }`
            : `${state.description}: ${content}`
        );
      }
    });
    expect(steps).toBeGreaterThan(SEEDS * messages.length);
  });
});
