/**
 * What errors of TLS mean, in words for the log.
 *
 * Node.js, Deno and Bun stand on three libraries (OpenSSL, rustls, BoringSSL)
 * and share most of their codes. Deno has one code for a certificate of an
 * unknown CA and for one that is not valid at this time.
 */

import { runtimeName } from "../host/runtime.ts";

/** The peer says something else than TLS. */
const notTls: ReadonlySet<string> = new Set([
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_HTTP_REQUEST",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_INVALID_RECORD_TYPE",
]);

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

/** What else may be wrong with a peer's certificate. */
const refusals: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "its certificate has expired"],
  ["CERT_NOT_YET_VALID", "its certificate is not valid yet"],
  ["INVALID_PURPOSE", "its certificate lacks an extended key usage"],
  ["ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", "it has no certificate"],
]);

/** Alerts: the peer says what is wrong with us. */
const alerts: ReadonlyMap<string, string> = new Map([
  ["CERTIFICATE_REQUIRED", "it wants a certificate from us"],
  ["UNKNOWN_CA", "it does not know the CA of our certificate"],
  ["CERTIFICATE_EXPIRED", "our certificate has expired, it says"],
  ["CERTIFICATE_REVOKED", "our certificate is revoked, it says"],
  ["PROTOCOL_VERSION", "it speaks no version of TLS that we do"],
]);

/** What the code of an error of TLS means; null if it is none. */
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
    const said = alerts.get(alert) ?? "it refuses us, perhaps our certificate";
    return `${said} (${code})`;
  }
  return code.startsWith("ERR_SSL_") ? `TLS failed (${code})` : null;
}
