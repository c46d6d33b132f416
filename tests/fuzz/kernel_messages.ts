/**
 * Random messages of a peer to the actors of the kernel: each message of their
 * protocols, with anything now and then in the place of each of its items.
 */
import type { Signal } from "../../runtime/core/host/signal.ts";
import { Call, Cast } from "../../runtime/core/messages/requests.ts";
import {
  atom,
  ExternalFun,
  Pid,
  Tuple,
} from "../../runtime/core/terms/terms.ts";
import { atoms } from "../../runtime/kernel/global/protocol/terms.ts";
import { randomTerm } from "../helpers/terms/random_terms.ts";
import { type Draw, pick } from "./inputs.ts";
import { type Ends, pidOf, refOf, signalOf } from "./signals.ts";

/** The peers whose messages are made here; one of them is a BEAM node. */
export const bad = ["bad@fake", "beam@fake"] as const;
export const GOOD = "good@fake";
/** The incarnation of all peers. */
export const CREATION = 9;
export const kernelNames = [
  ...["user", "node_info", "net_kernel", "rex", "logger_proxy"],
  ...["global_name_server", "pg", "pg2"],
];

/** The node that gets the messages. */
const zero = { node: "a@fake", creation: 7 };

/** Makes the terms of one input. */
export class Maker {
  readonly #draw: Draw;
  readonly #ends: Ends;
  readonly #locals: readonly Pid[];

  constructor(draw: Draw, from: string, locals: readonly Pid[]) {
    this.#draw = draw;
    this.#ends = { from: { node: from, creation: CREATION }, to: zero };
    this.#locals = locals;
  }

  pick<T>(choices: readonly T[]): T {
    return pick(this.#draw, choices);
  }

  pid(): Pid {
    const draw = this.#draw;
    const { from } = this.#ends;
    switch (draw(6)) {
      case 0:
        return pick(draw, this.#locals);
      case 1:
        return pidOf(draw, zero);
      case 2:
        return new Pid("third@fake", 1 + draw(3), 0, CREATION, null);
      default:
        return new Pid(from.node, 1 + draw(3), 0, from.creation, null);
    }
  }

  sender(): Pid {
    const { from } = this.#ends;
    return new Pid(from.node, 1 + this.#draw(3), 0, from.creation, null);
  }

  node(): unknown {
    return atom(
      pick(this.#draw, [...bad, ...bad, "a@fake", "third@fake", GOOD, "x"]),
    );
  }

  any(): unknown {
    const draw = this.#draw;
    switch (draw(6)) {
      case 0:
        return this.pid();
      case 1:
        return this.node();
      case 2:
        return this.pick([0, -1, 2 ** 40, 1.5, "", "text", null, true, [], {}]);
      case 3:
        return this.#term(4);
      case 4:
        return this.#term(12);
      default:
        return refOf(draw, this.#draw(2) === 0 ? this.#ends.from : zero);
    }
  }

  #term(size: number): unknown {
    return randomTerm(1 + this.#draw(0x7fffffff), { size });
  }

  tuple(...items: readonly unknown[]): Tuple {
    return new Tuple(
      items.map((item) => this.#draw(25) === 0 ? this.any() : item),
    );
  }

  many(make: () => unknown): unknown {
    if (this.#draw(20) === 0) return this.any();
    return Array.from({ length: this.#draw(4) }, make);
  }

  name(): unknown {
    return this.pick<unknown>([atom("n1"), atom("n2"), "n3", 4, this.#term(3)]);
  }

  method(): unknown {
    const functions = [
      ...["random_exit_name", "random_notify_name", "notify_all_name", "other"],
    ];
    return this.#draw(9) === 0
      ? this.any()
      : new ExternalFun("global", this.pick(functions), 3);
  }

  lock(): unknown {
    const resource = this.#draw(3) > 0 ? atom("global") : this.name();
    const requester = this.#draw(3) === 0
      ? [this.pid(), this.pid()]
      : this.any();
    return this.tuple(resource, requester);
  }

  op(): unknown {
    return this.#draw(3) === 0
      ? this.tuple(atoms.delete, this.name())
      : this.tuple(
        atoms.insert,
        this.tuple(this.name(), this.pid(), this.method()),
      );
  }

  version(): unknown {
    return this.tuple(this.node(), this.pick([8, 7, 5, 0, -1]));
  }

  tag(): unknown {
    return this.#draw(3) === 0 ? this.any() : this.#draw(8);
  }

  globalMessage(): unknown {
    const messages: (() => unknown)[] = [
      () =>
        this.tuple(
          ...[atoms.initConnect, this.tuple(8, this.tag()), this.node()],
          this.tuple(
            ...[atoms.locker, atoms.noPid],
            this.pick([{}, { hornbeam: 1 }]),
            this.pid(),
          ),
        ),
      () =>
        this.tuple(atoms.initConnectAck, this.node(), this.tag(), this.tag()),
      () =>
        this.tuple(
          ...[atoms.lockSet, this.pid(), this.#draw(3) > 0],
          ...[this.many(() => this.node()), this.tag()],
        ),
      () =>
        this.tuple(
          ...[atoms.exchange, this.node()],
          this.many(() => this.tuple(this.name(), this.pid(), this.method())),
          ...[[], this.tag()],
        ),
      () =>
        this.tuple(
          ...[atoms.resolved, this.node(), this.many(() => this.op())],
          ...[this.many(() => this.version()), atoms.unused, [], this.tag()],
        ),
      () =>
        this.tuple(
          ...[atoms.newNodes, this.node(), this.many(() => this.op()), []],
          this.many(() => this.version()),
          [this.tuple(atoms.vsn, 8), this.tuple(atoms.lock, this.lock())],
        ),
      () => this.tuple(atoms.inSync, this.node(), true),
      () => this.tuple(atoms.cancelConnect, this.node(), this.tag()),
      () =>
        this.tuple(
          ...[atoms.lostConnection, this.node(), CREATION, this.#draw(99)],
          this.node(),
        ),
      () => this.tuple(atoms.removeConnection, this.node()),
      () => this.tuple(atoms.whereis, this.name(), this.pid()),
      () => this.tuple(atoms.wanted, this.node(), atom("global")),
      () => this.tuple(atoms.free, this.node(), atom("global")),
      () => this.tuple(atoms.check, this.node(), this.pick(["", "sum", 7])),
      () => this.tuple(atoms.lost, this.node(), this.node()),
      () => this.tuple(atoms.meet, this.node(), this.node()),
      ...this.#globalRequests(),
    ];
    const message = this.pick(messages)();
    switch (this.#draw(4)) {
      case 0:
        return this.call(message);
      case 1:
        return message;
      default:
        return this.#draw(3) === 0
          ? this.call(this.pick(this.#globalRequests())())
          : new Cast(message);
    }
  }

  #globalRequests(): (() => unknown)[] {
    return [
      () => this.tuple(atoms.setLock, this.lock()),
      () => this.tuple(atoms.delLock, this.lock()),
      () => this.tuple(atoms.register, this.name(), this.pid(), this.method()),
      () => this.tuple(atoms.unregister, this.name()),
      () => this.tuple(atoms.ops, this.many(() => this.op())),
      () => this.pick([atoms.getKnown, atoms.getSynced, atoms.getVersion]),
    ];
  }

  call(request: unknown): Call {
    const pid = this.sender();
    return new Call({ pid, tag: this.any(), isOtp: true }, request);
  }

  groups(): unknown {
    const entry = (): unknown =>
      this.tuple(this.name(), this.many(() => this.pid()));
    const pids = (): unknown =>
      this.#draw(2) === 0 ? this.pid() : this.many(() => this.pid());
    const group = (): unknown => this.#draw(3) === 0 ? "own" : this.name();
    return this.pick<() => unknown>([
      () => this.tuple(atom("discover"), this.pid()),
      () => this.tuple(atom("discover"), this.sender(), 1),
      () => new Cast(this.tuple(atom("sync"), this.sender(), this.many(entry))),
      () => this.tuple(atom("join"), this.sender(), group(), pids()),
      () => this.tuple(atom("leave"), this.sender(), pids(), this.many(group)),
      () =>
        this.call(
          this.tuple(this.pick(["create", "delete"].map(atom)), group()),
        ),
      () =>
        this.call(
          this.tuple(
            this.pick(["join", "leave"].map(atom)),
            group(),
            this.pid(),
          ),
        ),
      () => this.tuple(atom("new_pg2"), this.node()),
      () =>
        new Cast(
          this.tuple(
            ...[atom("exchange"), this.node()],
            this.many(() => [group(), this.many(() => this.pid())]),
          ),
        ),
      () =>
        this.tuple(
          ...[atom("groups"), this.sender()],
          this.many(() => this.tuple(group(), this.pick([0, 1, 2, 7, -1]))),
        ),
    ])();
  }

  rex(): unknown {
    const [kind, f] = [
      this.pick(["call", "block_call", "cast", "block_cast", "send", "sbcast"]),
      this.pick(["f", "f", "nothing", "whereis_name", "nodes", "get_members"]),
    ];
    const module = this.pick([
      "m",
      "m",
      "global",
      "erlang",
      "pg",
      "lists",
      ":",
    ]);
    const job = kind === "send" || kind === "sbcast"
      ? this.tuple(
        atom(kind),
        this.pick([...kernelNames, "x"].map(atom)),
        this.any(),
      )
      : this.tuple(
        ...[atom(kind), atom(module), atom(f)],
        ...[this.many(() => this.any()), this.pick([atom("user"), this.pid()])],
      );
    switch (this.#draw(4)) {
      case 0:
        return this.call(job);
      case 1:
        return new Cast(job);
      case 2:
        return this.tuple(this.sender(), atom("features_request"));
      default:
        return this.tuple(this.sender(), job);
    }
  }

  netKernel(): unknown {
    const kind = this.pick([
      ...["is_auth", "spawn", "spawn_link", "spawn_opt", "get_state", "x"],
    ]);
    const args = this.many(() => this.any());
    return this.call(
      kind === "get_state"
        ? atom(kind)
        : kind === "is_auth"
        ? this.tuple(atom(kind), this.node())
        : kind === "spawn_opt"
        ? this.tuple(
          ...[atom(kind), atom("m"), atom("f"), args, []],
          ...[this.pick([atom("link"), atom("no_link")]), this.pid()],
        )
        : this.tuple(atom(kind), atom("m"), atom("f"), args, this.pid()),
    );
  }

  io(): unknown {
    const format = this.pick([
      ...["~p~n", "~w ~s", "~", "~*c", "~999999999c", "~.3f", "~-9.*.xs", "~b"],
      ...["~x", "~#", "~i~i", "~tp", "~P", "~e~g", "~500000.500000p"],
    ]);
    const args = this.many(() => this.any());
    const put = (): Tuple =>
      this.pick([
        () =>
          this.tuple(
            ...[atom("put_chars"), atom("unicode"), atom("io_lib")],
            ...[atom("format"), [format, args]],
          ),
        () => this.tuple(atom("put_chars"), atom("latin1"), this.any()),
        () => this.tuple(atom("setopts"), this.many(() => this.any())),
        () => this.tuple(atom("get_until"), this.any(), this.any(), this.any()),
      ])();
    const request = this.#draw(4) === 0
      ? this.tuple(atom("requests"), this.many(put))
      : put();
    return this.#draw(3) === 0
      ? this.tuple(
        ...[atom("log"), this.pick([atom("error"), atom("__proto__")]), format],
        ...[args, this.pick([{}, { pid: this.pid() }, this.any()])],
      )
      : this.tuple(atom("io_request"), this.sender(), this.any(), request);
  }

  /** A signal, and the control messages of a peer with real addresses. */
  signal(): Signal {
    const draw = this.#draw;
    const from = this.sender();
    const named = (name: string, message: unknown): Signal => ({
      type: "sendNamed",
      from,
      name,
      message,
    });
    switch (draw(9)) {
      case 0:
      case 1:
      case 2:
        return named("global_name_server", this.globalMessage());
      case 3:
        return named(this.pick(["pg", "pg2"]), this.groups());
      case 4:
        return named("rex", this.rex());
      case 5:
        return named("net_kernel", this.netKernel());
      case 6:
        return named(this.pick(["user", "logger_proxy"]), this.io());
      case 7:
        return named(this.pick(kernelNames), this.any());
      default: {
        const signal = signalOf(draw, this.#ends, true);
        if (!("to" in signal) || draw(3) === 0) return signal;
        const to = pick(draw, this.#locals);
        return { ...signal, to } as Signal;
      }
    }
  }
}
