/**
 * The kernel actor `rex`, named as OTP's remote execution server (`rex` is its
 * registered name on every BEAM node). It serves remote calls as OTP made them
 * before `erpc`, which C nodes and `rpc:block_call` still use, and broadcasts
 * to a registered name.
 *
 * Follows `rpc.erl`. A newer BEAM node asks once for its features and then uses
 * erpc. Only offered functions can be called. Each call runs in an actor of its
 * own; blocking calls share one actor, so that they run one after the other.
 */

import { errorText } from "../../core/terms/error_text.ts";
import { Call, Cast, type ReplyTo } from "../../core/messages/requests.ts";
import type { Node } from "../../core/node/node.ts";
import type { Handler } from "../../core/contract/behaviour.ts";
import type { Self } from "../../core/contract/self.ts";
import { atom, Pid, printTerm, Tuple } from "../../core/terms/terms.ts";
import { atomName } from "../../core/terms/atom_names.ts";
import { type Complain, kernelActor } from "../shared/kernel_actor.ts";
import { itemsOf } from "../shared/tuple_items.ts";
import { callOffered, type CallOutcome } from "./call_offered.ts";

const names = {
  rex: atom("rex"),
  call: atom("call"),
  blockCall: atom("block_call"),
  cast: atom("cast"),
  blockCast: atom("block_cast"),
  send: atom("send"),
  sbcast: atom("sbcast"),
  features: atom("features_request"),
} as const;

/** What a job needs of the actor that runs it, to send the answer. */
type Answerer = Pick<Self, "reply" | "send">;

/**
 * A call that is to be made. A class, so that the actor of blocking calls tells
 * it from what other actors send to its pid.
 */
class Job {
  readonly module: unknown;
  readonly name: unknown;
  readonly args: unknown;
  readonly groupLeader: unknown;
  /** Sends the result to the caller; null for a cast. */
  readonly answer: ((self: Answerer, result: unknown) => void) | null;

  constructor(parts: readonly unknown[], answer: Job["answer"]) {
    [this.module, this.name, this.args, this.groupLeader] = parts;
    this.answer = answer;
  }
}

export function rex(node: Node, complain: Complain): Handler<unknown> {
  let blocking: Pid | null = null;
  const start = (self: Self<unknown>, job: Job) => {
    const pid = self.spawn((me) => runJob(node, me, job), {
      label: "rex call",
    });
    const { groupLeader } = job;
    if (groupLeader instanceof Pid) self.setGroupLeader(pid, groupLeader);
  };
  const enqueue = (self: Self<unknown>, job: Job) => {
    if (blocking === null || !self.isActorAlive(blocking)) {
      blocking = self.spawn(async (me: Self<unknown>) => {
        for await (const next of me) {
          if (next instanceof Job) await runJob(node, me, next);
        }
      }, { label: "rex blocking calls" }) as Pid;
    }
    // Delivered and not sent: a sent message may be copied or frozen.
    node.localActor(blocking)?.deliver(job);
  };
  return kernelActor(complain, (message, self) => {
    const request = message instanceof Call || message instanceof Cast
      ? message.request
      : null;
    const [kind, ...parts] = itemsOf(request);
    const isBlocking = kind === names.blockCall || kind === names.blockCast;
    if (message instanceof Call) {
      if (kind !== names.call && !isBlocking) {
        self.reply(message.from, atom("error"));
        return;
      }
      const job = new Job(parts, (me, result) => {
        answerCall(me, message.from, result);
      });
      (isBlocking ? enqueue : start)(self, job);
    } else if (message instanceof Cast) {
      if (kind !== names.cast && !isBlocking) return;
      (isBlocking ? enqueue : start)(self, new Job(parts, null));
    } else {
      handlePlain(node, self, itemsOf(message), start);
    }
  });
}

/** Messages of the form `{From, Request}`, which are neither call nor cast. */
function handlePlain(
  node: Node,
  self: Self<unknown>,
  [from, request]: readonly unknown[],
  start: (self: Self<unknown>, job: Job) => void,
): void {
  if (!(from instanceof Pid)) return;
  const to = from as Pid<unknown>;
  const ownName = atom(node.name);
  if (request === names.features) {
    const features = [atom("erpc")];
    self.send(to, new Tuple([atom("features_reply"), ownName, features]));
    return;
  }
  const [kind, ...parts] = itemsOf(request);
  switch (kind) {
    case names.call:
      start(
        self,
        new Job(parts, (me, result) => answerMessage(me, to, result)),
      );
      return;
    case names.send:
    case names.sbcast: {
      const [name, message] = parts;
      const holder = self.whereis(atomName(name) ?? "");
      const isBroadcast = kind === names.sbcast;
      if (holder !== null) {
        const sent = isBroadcast ? message : new Tuple([from, message]);
        self.send(holder as Pid<unknown>, sent);
      }
      // A `send` is answered by its receiver.
      if (holder !== null && !isBroadcast) return;
      const result = holder === null
        ? new Tuple([atom("nonexisting_name"), name])
        : ownName;
      self.send(to, new Tuple([names.rex, ownName, result]));
      return;
    }
    default:
  }
}

async function runJob(node: Node, self: Answerer, job: Job): Promise<void> {
  const outcome = await callOffered(node.functions, job);
  job.answer?.(self, rpcResult(outcome));
}

/** The result that `rpc:call` returns. */
function rpcResult(outcome: CallOutcome): unknown {
  switch (outcome.type) {
    case "return":
    case "throw":
      return outcome.value;
    case "exit":
      return badrpc(outcome.reason);
    case "error":
      return badrpc(new Tuple([outcome.reason, outcome.stack]));
    default:
      return outcome satisfies never;
  }
}

function badrpc(reason: unknown): Tuple {
  return new Tuple([atom("badrpc"), new Tuple([atom("EXIT"), reason])]);
}

/** The answer in place of a result that cannot be sent. */
function unsendable(error: unknown): Tuple {
  const why = errorText(error, printTerm);
  return badrpc(new Tuple([atom("unencodable"), why]));
}

function answerCall(self: Answerer, to: ReplyTo, result: unknown): void {
  try {
    self.reply(to, result);
  } catch (error) {
    self.reply(to, unsendable(error));
  }
}

function answerMessage(
  self: Answerer,
  to: Pid<unknown>,
  result: unknown,
): void {
  try {
    self.send(to, new Tuple([names.rex, result]));
  } catch (error) {
    self.send(to, new Tuple([names.rex, unsendable(error)]));
  }
}
