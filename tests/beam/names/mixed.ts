/**
 * Nodes in processes of their own, ours on three runtimes and some of the BEAM,
 * in a network that can be cut. All of them offer the same functions, and a
 * hidden node that the network never cuts off asks them.
 */
import { join } from "node:path";
import { atom, type RunningNode } from "../../../runtime/mod.ts";
import { CuttableNetwork } from "../../../examples/registry/cuttable_network.ts";
import { atEnd } from "../../helpers/at_end.ts";
import {
  type BeamNode,
  startBeam,
  startOurs,
} from "../../helpers/beam_nodes.ts";
import {
  root,
  type Runtime,
  type SpawnedProcess,
  spawnRuntime,
} from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";
import { COOKIE } from "../../net/peers/raw_peer.ts";

const START_MS = 30_000;
/** Every call must return within this, also while the network is cut. */
const CALL_MS = 40_000;

/** What a member runs on. */
export type Kind = Runtime | "erl" | "elixir";

/** Members by the first part of their names. */
export type Kinds = Readonly<Record<string, Kind>>;

const seven: Kinds = {
  ...{ h1: "node", h2: "deno", h3: "bun", h4: "deno", h5: "bun" },
  ...{ b1: "erl", b2: "erl" },
};

/** A node that can be killed and started again. */
export class Member {
  readonly part: string;
  readonly name: string;
  readonly #kind: Kind;
  readonly #epmdPort: number;
  readonly #beamFlags: readonly string[];
  #process: SpawnedProcess | BeamNode | null = null;

  constructor(
    part: string,
    kind: Kind,
    epmdPort: number,
    beamFlags: readonly string[],
  ) {
    this.part = part;
    this.name = `${part}@127.0.0.1`;
    this.#kind = kind;
    this.#epmdPort = epmdPort;
    this.#beamFlags = beamFlags;
  }

  get isBeam(): boolean {
    return this.#kind === "erl" || this.#kind === "elixir";
  }

  async start(): Promise<void> {
    if (this.#kind === "erl" || this.#kind === "elixir") {
      const beam = await startBeam(this.name, {
        epmdPort: this.#epmdPort,
        program: this.#kind,
        flags: this.#beamFlags,
      });
      this.#process = beam;
      for (const file of ["names_ts.erl", "links_ts.erl"]) {
        const source = JSON.stringify(join(root, "tests/fixtures", file));
        await beam.run(
          `{ok, M, B} = compile:file(${source}, [binary]),
           {module, M} = code:load_binary(M, ${source}, B)`,
        );
      }
      await beam.run("names_ts:start()");
      return;
    }
    const child = spawnRuntime(this.#kind, join(root, "cli/main.ts"), [
      ...[
        "run",
        join(root, "tests/fixtures/mixed_member.ts"),
        "--name",
        this.name,
      ],
      ...["--cookie", COOKIE, "--epmd-port", String(this.#epmdPort)],
      "--no-host-epmd",
    ]);
    this.#process = child;
    await child.waitForLine(/^ready /, START_MS);
  }

  /** `SIGKILL`. */
  async kill(): Promise<void> {
    await this.#process?.stop();
  }
}

/** All of them, and what is asked of them. */
export class Mixed {
  readonly network: CuttableNetwork;
  readonly all: readonly Member[];
  readonly #asker: RunningNode;

  private constructor(
    network: CuttableNetwork,
    all: readonly Member[],
    asker: RunningNode,
  ) {
    this.network = network;
    this.all = all;
    this.#asker = asker;
  }

  /**
   * Starts them, seven unless told; they end with the test file, or with `stop`.
   * `beamFlags` are flags of the emulators.
   */
  static async start(
    options: { kinds?: Kinds; beamFlags?: readonly string[] } = {},
  ): Promise<Mixed> {
    const { kinds = seven, beamFlags = [] } = options;
    const network = await CuttableNetwork.start();
    atEnd(() => network.stop());
    const { epmdPort } = network;
    const all = Object.entries(kinds).map(([part, kind]) =>
      new Member(part, kind, epmdPort, beamFlags)
    );
    const { node } = await startOurs("asker@127.0.0.1", epmdPort, {
      hidden: true,
      hostEpmd: false,
    });
    atEnd(() => node.stop());
    await Promise.all(all.map((one) => one.start()));
    return new Mixed(network, all, node);
  }

  /** Ends all of them. */
  async stop(): Promise<void> {
    await Promise.all(this.all.map((one) => one.kill()));
    await this.#asker.stop();
    await this.network.stop();
  }

  /** What a function on a node returns. */
  ask(
    of: Member,
    called: string,
    args: readonly unknown[] = [],
  ): Promise<unknown> {
    return this.#asker.erpc(of.name, called, args, { timeoutMs: CALL_MS });
  }

  /** What is asked of nodes of either kind by the same name. */
  act(of: Member, action: Action, term: unknown): Promise<unknown> {
    const isOfGroups = action === "join" || action === "leave";
    const module = isOfGroups && !of.isBeam ? "groups_ts" : "names_ts";
    return this.ask(of, `${module}:${action}`, [term]);
  }

  /**
   * Has the BEAM nodes connect to all others, as often as that takes. That ours
   * meet each other is `global`'s business.
   */
  async meet(): Promise<void> {
    await waitFor(async () => {
      let isWhole = true;
      for (const one of this.all) {
        const nodes = await this.nodesOf(one);
        const missing = this.all.filter((other) =>
          other !== one && !nodes.includes(other.name)
        );
        if (missing.length > 0) isWhole = false;
        if (!one.isBeam) continue;
        for (const { name } of missing) {
          await this.ask(one, "net_kernel:connect_node", [atom(name)]);
        }
      }
      return isWhole;
    }, { what: "all to know each other", timeoutMs: 60_000 });
  }

  /** The visible nodes that one is connected to. */
  async nodesOf(one: Member): Promise<readonly string[]> {
    const nodes = await this.ask(one, "erlang:nodes");
    if (!Array.isArray(nodes)) throw new Error(`expected nodes, got ${nodes}`);
    return nodes.map((node) => Symbol.keyFor(node as symbol) ?? String(node));
  }
}

export type Action = "register" | "unregister" | "stop" | "join" | "leave";
