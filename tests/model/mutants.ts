/**
 * Mistakes in the core and in the connections, which the model tests must
 * notice; see `helpers/mutants.ts`.
 */

import { type Mutant, mutant } from "../helpers/mutants/mutants.ts";

const monitors: readonly Mutant[] = [
  mutant(
    "DOWN sent twice",
    "core/signals/monitors.ts",
    "else actor.deliver(new Down(ref, shown, reason, extras.tag));",
    "else for (let i = 0; i < 2; i++) " +
      "actor.deliver(new Down(ref, shown, reason, extras.tag));",
  ),
  mutant(
    "DOWN to the first watcher only",
    "core/signals/exits.ts",
    "notifyWatcher(actor, watcher, reason);",
    "notifyWatcher(actor, watcher, reason); break;",
  ),
  mutant(
    "no DOWN to other nodes",
    "core/signals/exits.ts",
    "} else if (!node.isOwnPid(watcher.to)) {",
    "} else if (node.isOwnPid(watcher.to)) {",
  ),
  mutant(
    "no DOWN for a monitor of one that is dead",
    "core/node/inbound.ts",
    'node.remote.signal(from.node, {\n      type: "down",',
    'if (node.stopped) node.remote.signal(from.node, {\n      type: "down",',
  ),
  mutant(
    "monitor stays after demonitor",
    "core/signals/monitors.ts",
    "actor.monitors?.delete(state.ref);",
    "",
  ),
  mutant(
    "watcher stays after demonitor",
    "core/signals/monitors.ts",
    "watchers?.delete(state.ref);",
    "",
  ),
  mutant(
    "demonitor of a name on another node is lost",
    "core/node/inbound.ts",
    'if (typeof target === "string") node.peers.forgetWatcher(key);',
    "",
  ),
  mutant(
    "demonitor does not flush",
    "core/signals/monitors.ts",
    "if (flush) flushDown(actor, ref);",
    "",
  ),
  mutant(
    "monitors are not told of noconnection",
    "core/signals/peers.ts",
    "receiveDown(actor, state.ref, reasons.noconnection);",
    "",
  ),
  mutant(
    "watchers of a lost node stay",
    "core/signals/peers.ts",
    "if (watcher.to.node === peer) actor.watchers.delete(key);",
    "",
  ),
];

const links: readonly Mutant[] = [
  mutant(
    "link on one side only",
    "core/signals/links.ts",
    "addLink(target, actor.pid);",
    "",
  ),
  mutant(
    "link of a spawn on one side only",
    "core/node/spawns.ts",
    "if (link) addLink(actor, result);",
    "",
  ),
  mutant(
    "exit delivered after unlink",
    "core/signals/exits.ts",
    "if (state.active) breakLink(actor, from, reason);",
    "breakLink(actor, from, reason);",
  ),
  mutant(
    "unlink is not acknowledged",
    "core/node/inbound.ts",
    'node.remote.signal(from.node, { type: "unlinkAck"',
    'if (node.stopped) node.remote.signal(from.node, { type: "unlinkAck"',
  ),
  mutant(
    "link stays at the peer after unlink",
    "core/node/inbound.ts",
    "if (actor?.links?.get(from)?.active) actor.links.delete(from);",
    "",
  ),
  mutant(
    "link revives while an unlink is out",
    "core/node/inbound.ts",
    "if (actor.links?.has(from)) return;",
    "",
  ),
  mutant(
    "no exit signal for a link to one that is dead",
    "core/node/inbound.ts",
    'node.remote.signal(from.node, {\n      type: "linkExit",',
    "if (node.stopped) node.remote.signal(from.node, {\n" +
      '      type: "linkExit",',
  ),
  mutant(
    "links are not told of noconnection",
    "core/signals/peers.ts",
    "if (state.active) broken.push(pid);",
    "",
  ),
];

const exits: readonly Mutant[] = [
  mutant(
    "kill is not renamed",
    "core/signals/exits.ts",
    "endActor(actor, reasons.killed);",
    "endActor(actor, reason);",
  ),
  mutant(
    "kill can be trapped",
    "core/signals/exits.ts",
    "} else if (reason === reasons.kill) {",
    "} else if (reason === reasons.kill && !actor.trapExits) {",
  ),
  mutant(
    "kill over a link cannot be trapped",
    "core/signals/exits.ts",
    "if (state.active) breakLink(actor, from, reason);",
    "if (state.active && reason === reasons.kill) endActor(actor, reason);\n" +
      "else if (state.active) breakLink(actor, from, reason);",
  ),
  mutant(
    "normal exit signal kills",
    "core/signals/exits.ts",
    "} else if (reason !== reasons.normal || from === actor.pid) {",
    "} else {",
  ),
  mutant(
    "normal end of a linked one kills",
    "core/signals/exits.ts",
    "else if (reason !== reasons.normal) endActor(actor, reason);",
    "else endActor(actor, reason);",
  ),
  mutant(
    "names are freed late",
    "core/node/node.ts",
    "this.names.releaseName(actor);",
    "this.host.macrotask(() => this.names.releaseName(actor));",
  ),
];

const messages: readonly Mutant[] = [
  mutant(
    "lost wake-up",
    "core/actor/actor.ts",
    "this.owner.delivered++;\n    if (this.state === IDLE) {",
    "this.owner.delivered++;\n" +
      "    if (this.state === IDLE && this.owner.delivered % 8 > 0) {",
  ),
  mutant(
    "messages overtake each other",
    "core/actor/actor.ts",
    "this.mailbox.push(message);",
    "const last = this.mailbox.length > 1\n" +
      "      ? this.mailbox.removeAt(this.mailbox.length - 1)\n" +
      "      : null;\n" +
      "    this.mailbox.push(message);\n" +
      "    if (last !== null) this.mailbox.push(last);",
  ),
  mutant(
    "messages to a stale incarnation arrive",
    "wire/cbor/cbor.ts",
    "if (!reaches(this.#peer, to)) return;",
    "",
  ),
  {
    name: "what was written last is sent again after a reconnect",
    patches: [{
      file: "runtime/net/peers/outbox.ts",
      find: "export class Outbox {",
      replace: "export class Outbox {\n" +
        "  readonly #last = new Map<string, [object, Uint8Array[]]>();",
    }, {
      file: "runtime/net/peers/outbox.ts",
      find: "if (overtaking > 0) this.#write(peer, out.take());",
      replace: "if (overtaking > 0) {\n" +
        "      const { connection } = peer;\n" +
        "      const chunks = out.take();\n" +
        "      const last = this.#last.get(peer.name);\n" +
        "      this.#last.set(peer.name, [connection, chunks]);\n" +
        "      if (last !== undefined && last[0] !== connection) {\n" +
        "        connection.write(last[1]);\n" +
        "      }\n" +
        "      this.#write(peer, chunks);\n" +
        "    }",
    }],
  },
  mutant(
    "what waits for a connection is not sent",
    "net/peers/outbox.ts",
    "return true;\n    };\n    this.flush(peer);",
    "return true;\n    };",
  ),
];

const incarnations: readonly Mutant[] = [
  mutant(
    "what is dropped for another incarnation is not made good",
    "net/peers/peer.ts",
    "let fits = isAssumed || !this.#hasDropped;",
    "let fits = true;",
  ),
  mutant(
    "aliases of a node that is not connected lead nowhere",
    "net/peers/outbox.ts",
    "peer.assumeCreation(signal.alias.creation);",
    "return;",
  ),
];

const requests: readonly Mutant[] = [
  mutant(
    "aliases cannot be taken back",
    "core/actor/local_actor.ts",
    "return this.owner.aliases.remove(alias);",
    "return true;",
  ),
  mutant(
    "aliases for one message take more",
    "core/signals/aliases.ts",
    'if (mode === "once" || mode === "replyDemonitor") this.remove(ref);',
    "",
  ),
  mutant(
    "timers cannot be cancelled",
    "core/signals/actor_timers.ts",
    "return timer === null ? null : this.#node.timers.cancel(timer);",
    "return timer === null ? null : this.#node.timers.read(timer);",
  ),
  mutant(
    "timers of others cannot be cancelled",
    "core/actor/local_actor.ts",
    "return this.state === DEAD ? null : this.owner.actorTimers.cancel(ref);",
    "return this.timers?.has(ref)\n" +
      "      ? this.owner.actorTimers.cancel(ref)\n" +
      "      : null;",
  ),
  mutant(
    "timers end with the actor that set them",
    "core/signals/actor_timers.ts",
    "node.sendFrom(from, target, message);",
    "if (node.localActor(from) !== null) node.sendFrom(from, target, message);",
  ),
];

const leaks: readonly Mutant[] = [
  mutant(
    "timers outlive the actor that they are for",
    "core/signals/exits.ts",
    "node.actorTimers.cancelAll(actor);",
    "",
  ),
  {
    // With one of the patches alone, nothing can be observed from outside.
    name: "aliases outlive their call",
    patches: [{
      file: "runtime/core/calls/pending_call.ts",
      find: "ref.alias = null;",
      replace: "",
    }, {
      file: "runtime/core/calls/pending_call.ts",
      find: "if (this.#hasEnded) return;",
      replace: "",
    }],
  },
  mutant(
    "spawn requests outlive the connection",
    "core/node/node.ts",
    "this.spawns.peerLost(peer);",
    "",
  ),
  mutant(
    "timers that have fired are kept",
    "core/signals/actor_timers.ts",
    "this.#pending.delete(ref);",
    "",
  ),
  mutant(
    "ended actors stay involved with peers",
    "core/signals/exits.ts",
    "node.peers.removeActor(actor);",
    "",
  ),
];

export const mutants: readonly Mutant[] = [
  ...monitors,
  ...links,
  ...exits,
  ...messages,
  ...incarnations,
  ...requests,
  ...leaks,
];
