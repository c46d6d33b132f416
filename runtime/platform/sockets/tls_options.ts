/**
 * The TLS options of a node, with their checks.
 *
 * `tls.ts` decides which certificates of peers are accepted.
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { UsageError } from "../../core/messages/errors.ts";
import { option, OptionTable } from "../../core/messages/options.ts";

/** The content of a PEM file, as text or bytes. Not a path. */
export type Pem = string | Uint8Array;

/** The certificates by which a node proves its name and verifies its peers. */
export type TlsOptions = {
  /**
   * The node's own certificate, as PEM, followed by the intermediate
   * certificates if there are any. A node dials and is dialled. So if the
   * certificate has extended key usages, they must include `serverAuth` and
   * `clientAuth`.
   */
  readonly cert: Pem;
  /** The private key of `cert`, as PEM without a passphrase. */
  readonly key: Pem;
  /**
   * The certificates of the trusted CAs, as PEM. No other CAs are trusted, also
   * not those of the system.
   */
  readonly ca: Pem | readonly Pem[];
  /**
   * Whether a peer's certificate must name the host of the peer's node name:
   * for `a@10.0.0.1` that address, for `a@db.example.org` that name. Default
   * true. With false, a node of the same CA can take the name of any other.
   */
  readonly checkHost?: boolean;
};

/** What the option `tls` of `start` takes. `checkTlsOptions` does the rest. */
const tlsOptions = new OptionTable<TlsOptions>("tls", {
  cert: option.any,
  key: option.any,
  ca: option.any,
  checkHost: option.flag,
});

/** The certificates as text, which all runtimes accept. */
export type PemTexts = {
  readonly cert: string;
  readonly key: string;
  readonly ca: string[];
};

/** The certificates of the options as text. */
export function pemTexts(options: TlsOptions): PemTexts {
  const { ca } = options;
  const isOne = typeof ca === "string" || ca instanceof Uint8Array;
  return {
    cert: pemText(options.cert),
    key: pemText(options.key),
    ca: (isOne ? [ca] : ca).map(pemText),
  };
}

function pemText(pem: Pem): string {
  return typeof pem === "string" ? pem : new TextDecoder().decode(pem);
}

/** The host in `part@host`. */
export function hostOf(nodeName: string): string {
  return nodeName.slice(nodeName.indexOf("@") + 1);
}

/** Why a certificate does not belong to this node; null when it does. */
export function complainAboutHost(
  nodeName: string,
  certificate: X509Certificate,
): string | null {
  const host = hostOf(nodeName);
  if (names(certificate, host.toLowerCase())) return null;
  const named = certificate.subjectAltName ?? certificate.subject;
  return `expected a certificate that names ${host}, the host of ${nodeName}, ` +
    `got one that names ${named}; issue one with that subjectAltName, or ` +
    "start with tls.checkHost false";
}

/**
 * Whether a certificate names this host. Not by `checkServerIdentity`, because
 * Deno's version parses a text that a name in the certificate can forge. Deno's
 * `checkHost` does not know wildcards, so a wildcard is checked as a name. And
 * certificates of BEAM nodes have addresses as DNS names.
 */
function names(certificate: X509Certificate, host: string): boolean {
  if (certificate.checkHost(host) !== undefined) return true;
  if (isIP(host) !== 0) return certificate.checkIP(host) !== undefined;
  const dot = host.indexOf(".");
  return dot > 0 &&
    certificate.checkHost(`*${host.slice(dot)}`) !== undefined;
}

/**
 * Throws `UsageError` for options of wrong types, for values that are not PEM,
 * and for a certificate that no other node would accept from this node.
 */
export function checkTlsOptions(options: TlsOptions, nodeName: string): void {
  tlsOptions.check(options);
  const given: Partial<Record<string, unknown>> = { ...options };
  const { ca } = given;
  const cas: readonly unknown[] = Array.isArray(ca) ? ca : [ca];
  if (cas.length === 0) {
    throw new UsageError("expected a certificate in tls.ca, got an empty list");
  }
  for (const one of cas) readCertificate(one, "tls.ca");
  const own = readCertificate(given["cert"], "tls.cert");
  if (!fits(own, given["key"])) {
    throw new UsageError(
      "expected tls.key to be the private key of tls.cert, as PEM without a " +
        "passphrase, got another one",
    );
  }
  const now = Date.now();
  if (!(Date.parse(own.validFrom) <= now && now <= Date.parse(own.validTo))) {
    throw new UsageError(
      `expected tls.cert to be valid now, got one that is valid from ` +
        `${own.validFrom} to ${own.validTo}; issue a new one`,
    );
  }
  if (given["checkHost"] === false) return;
  const complaint = complainAboutHost(nodeName, own);
  if (complaint !== null) throw new UsageError(`tls.cert: ${complaint}`);
}

function readCertificate(pem: unknown, name: string): X509Certificate {
  const expected = `expected ${name} to be a certificate as PEM, the text or ` +
    "bytes of a file and not its path";
  if (!isPem(pem, "CERTIFICATE")) {
    throw new UsageError(
      typeof pem === "string"
        ? `${expected}, got ${JSON.stringify(pem.slice(0, 80))}`
        : `${expected}, got ${pem === undefined ? "none" : "something else"}`,
    );
  }
  try {
    return new X509Certificate(pemText(pem));
  } catch (cause) {
    throw new UsageError(`${expected}, got one that is damaged`, { cause });
  }
}

function fits(certificate: X509Certificate, key: unknown): boolean {
  if (!isPem(key, "PRIVATE KEY")) return false;
  try {
    return certificate.checkPrivateKey(createPrivateKey(pemText(key)));
  } catch {
    return false;
  }
}

function isPem(value: unknown, label: string): value is Pem {
  if (typeof value !== "string" && !(value instanceof Uint8Array)) return false;
  return pemText(value).includes(`${label}-----`);
}
