/**
 * Which of two connections between the same two nodes continues.
 *
 * Two nodes may connect to each other at the same time. Exactly one of the two
 * attempts must survive, so both nodes decide by the same rule, which compares
 * their names. The rule is that of the Erlang/OTP documentation, "Distribution
 * Protocol", because a BEAM node decides by it as well.
 */

/** The connection that a node already has to a peer that connects to it. */
export type ExistingConnection =
  | "none"
  /** An attempt of our own that is not up yet. */
  | "pending"
  | "up"
  /** It is up, and another attempt was already answered with `alive`. */
  | "up-pending";

/**
 * How an acceptor answers the name of a peer. `close` means that it closes the
 * connection without an answer.
 */
export function decideStatus(
  ownName: string,
  peerName: string,
  existing: ExistingConnection,
): "ok" | "ok_simultaneous" | "nok" | "alive" | "close" {
  switch (existing) {
    case "none":
      return "ok";
    case "pending":
      return ownName > peerName ? "nok" : "ok_simultaneous";
    case "up":
      return "alive";
    case "up-pending":
      return "close";
    default:
      return existing satisfies never;
  }
}
