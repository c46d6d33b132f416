/**
 * Helpers for messages that are read byte by byte: those of the handshake and of
 * epmd.
 */

/** Bytes that an error shows at most. */
const SHOWN_BYTES_MAX = 16;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Says what was expected and which bytes came instead. */
export function unexpectedBytes(expected: string, bytes: Uint8Array): string {
  const head = Array.from(
    bytes.subarray(0, SHOWN_BYTES_MAX),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
  const shown = bytes.length > SHOWN_BYTES_MAX ? `${head}...` : head;
  return `expected ${expected}, got ${bytes.length} bytes: ${shown}`;
}
