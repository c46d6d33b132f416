/**
 * Node names, `part@host`: their form, and whether two nodes can connect.
 *
 * Follows the Erlang reference manual, "Distributed Erlang". Names are ASCII
 * only, because a BEAM node writes other letters as Latin-1 in the handshake and
 * as UTF-8 to epmd. Hosts are not resolved here.
 */

/** A node name that does not have the form `part@host`. */
export class NodeNameError extends Error {
  override readonly name = "NodeNameError";
}

/** The two halves of a node name. */
export type NodeNameParts = { readonly part: string; readonly host: string };

/** `short` when the host has no dot (`-sname`), else `long` (`-name`). */
export type NameMode = "short" | "long";

const PART_PATTERN = /^[0-9A-Za-z_-]+$/;
const HOST_PATTERN = /^[0-9A-Za-z._:-]+$/;

/** A node name is an atom, which has at most this many characters. */
const NAME_LENGTH_MAX = 255;

/** Splits a node name. Throws a `NodeNameError` that says what is wrong. */
export function parseNodeName(name: string): NodeNameParts {
  const complaint = complainAboutNodeName(name);
  if (complaint !== null) throw new NodeNameError(complaint);
  const at = name.indexOf("@");
  return { part: name.slice(0, at), host: name.slice(at + 1) };
}

/**
 * What is wrong with a node name, or null when nothing is. The name may be any
 * value: a program without types may pass a setting that does not exist.
 */
export function complainAboutNodeName(name: unknown): string | null {
  if (typeof name !== "string") {
    return `expected a node name "part@host", got ${String(name)}`;
  }
  const shown = JSON.stringify(name.length > 80 ? name.slice(0, 80) : name);
  if (name.length > NAME_LENGTH_MAX) {
    return `expected a node name of at most ${NAME_LENGTH_MAX} characters, ` +
      `got ${name.length} that start with ${shown}`;
  }
  const at = name.indexOf("@");
  if (at < 0) {
    return `expected a node name "part@host", got ${shown} without an "@"`;
  }
  if (!PART_PATTERN.test(name.slice(0, at))) {
    return `expected only 0-9, A-Z, a-z, "_" and "-" before the "@" ` +
      `of a node name, got ${shown}`;
  }
  if (!HOST_PATTERN.test(name.slice(at + 1))) {
    return `expected an ASCII host name or address after the "@" ` +
      `of a node name, got ${shown}`;
  }
  return null;
}

/** Whether a host belongs to a node with a short or a long name. */
export function nameMode(host: string): NameMode {
  return host.includes(".") || host.includes(":") ? "long" : "short";
}

/**
 * Why two nodes cannot connect, or null when they can. A BEAM node refuses a
 * mixture of short and long names, so a cluster that may contain a BEAM node has
 * to refuse it as well.
 */
export function complainAboutModes(own: string, peer: string): string | null {
  const ownMode = nameMode(parseNodeName(own).host);
  const peerMode = nameMode(parseNodeName(peer).host);
  if (ownMode === peerMode) return null;
  return `expected a node with a ${ownMode} name like ${own}, ` +
    `got ${peer} with a ${peerMode} one; ` +
    `name all nodes of a cluster either "part@host" or "part@host.domain"`;
}
