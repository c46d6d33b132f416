/**
 * Explanations of TLS errors, for the log.
 *
 * Node.js, Deno and Bun use three libraries (OpenSSL, rustls, BoringSSL), which
 * share most of their error codes. Deno has the same code for a certificate of
 * an unknown CA and for one that is not valid now.
 */

import { runtimeName } from "../host/runtime.ts";

/** Codes for a peer that does not speak TLS. */
const notTls: ReadonlySet<string> = new Set([
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_HTTP_REQUEST",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_INVALID_RECORD_TYPE",
]);

/** Codes for a certificate of a CA that is not trusted. */
const unknownCa: ReadonlySet<string> = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "INVALID_CA",
]);

/** Codes for other faults of a peer's certificate. */
const refusals: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "its certificate has expired"],
  ["CERT_NOT_YET_VALID", "its certificate is not valid yet"],
  ["INVALID_PURPOSE", "its certificate lacks an extended key usage"],
  ["ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", "it has no certificate"],
]);

/** TLS alerts, by which the peer says why it refuses this node. */
const alerts: ReadonlyMap<string, string> = new Map([
  ["CERTIFICATE_REQUIRED", "it wants a certificate from this node"],
  ["UNKNOWN_CA", "it does not know the CA of this node's certificate"],
  ["CERTIFICATE_EXPIRED", "it says that this node's certificate has expired"],
  ["CERTIFICATE_REVOKED", "it says that this node's certificate is revoked"],
  ["PROTOCOL_VERSION", "it speaks no TLS version that this node speaks"],
]);

/** Explains the code of a TLS error; null for any other code. */
export function explainTls(code: string): string | null {
  const text = refusals.get(code);
  if (text !== undefined) return `${text} (${code})`;
  if (unknownCa.has(code)) {
    const isVague = runtimeName === "deno" &&
      code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
    return "its certificate is not signed by a CA in `ca`" +
      `${isVague ? ", or not valid now" : ""} (${code})`;
  }
  if (notTls.has(code)) {
    return `it does not speak TLS; start it with TLS as well (${code})`;
  }
  const alert = /_ALERT_([A-Z_]+)$/.exec(code)?.[1];
  if (alert !== undefined) {
    const said = alerts.get(alert) ??
      "it refuses this node, perhaps its certificate";
    return `${said} (${code})`;
  }
  return code.startsWith("ERR_SSL_") ? `TLS failed (${code})` : null;
}
