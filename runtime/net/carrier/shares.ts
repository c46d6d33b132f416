/**
 * How many connections of clients without the cookie a node holds at a time: a share of the file
 * descriptors of its process, so that peers, epmd and the program's own files
 * find some left.
 */

/** Handshakes at a time, where the option `maxHandshakes` says nothing else. */
export function handshakeShare(descriptorLimit: number): number {
  return Math.min(256, Math.max(8, Math.floor(descriptorLimit / 8)));
}

/** Connections to the embedded epmd at a time, registered nodes included. */
export function epmdShare(descriptorLimit: number): number {
  return Math.min(16_384, Math.max(16, Math.floor(descriptorLimit / 2)));
}
