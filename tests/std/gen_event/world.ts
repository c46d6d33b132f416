/** An event manager, and handlers that record their calls. */
import { CallError, type Self } from "../../../runtime/mod.ts";
import { eventHandler, GenEvent } from "../../../std/gen_event/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { failureOf } from "../outcomes.ts";

/** An event is a text, or a function that the handler calls. */
export type Event = string | ((id: unknown) => unknown);
export const notes: unknown[] = [];
export const oops = new Error("oops");
export const Noting = eventHandler({
  init: (_self, arg: string, previous) => {
    if (arg === "fail") throw oops;
    notes.push(["init", arg, ...(previous === undefined ? [] : [previous])]);
    return { arg };
  },
  handleEvent: (event: Event, { state, id }) => {
    notes.push([state.arg, event]);
    return typeof event === "function" ? event(id) : null;
  },
  handleCall: (request, handler) => {
    if (request === "fail") throw oops;
    if (request === "fail later") return Promise.reject(oops);
    if (request === "leave") handler.remove();
    return Promise.resolve([handler.state.arg, request]);
  },
  handleInfo: (message, { state }) => void notes.push([state.arg, message]),
  terminate: ({ state }, end) => {
    notes.push([state.arg, end]);
    return `${state.arg} is gone`;
  },
});

export async function managed(
  body: (events: GenEvent<Event>, self: Self<unknown>) => Promise<void>,
): Promise<readonly string[]> {
  notes.length = 0;
  const { node, records } = await lone();
  await node.run(async (self) => {
    const events = await GenEvent.start<Event>(self);
    await body(events, self);
  });
  return records.filter(({ level }) => level === "error")
    .map(({ message }) => message);
}

export const reasonOf = async (promise: Promise<unknown>) =>
  (await failureOf(promise, CallError)).reason;
