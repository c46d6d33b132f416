/**
 * The certificates in tests/fixtures/tls, which its `make.sh` explains.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TlsOptions } from "../../runtime/mod.ts";
import { root } from "./processes.ts";

export type CertificateName =
  | "node"
  | "chain"
  | "elsewhere"
  | "wildcard"
  | "stranger"
  | "expired";

const folder = join(root, "tests", "fixtures", "tls");

/** The path of a file there, for programs that want one. */
export function pemPath(
  name: CertificateName | "ca" | "other_ca" | "key",
): string {
  return join(folder, `${name}.pem`);
}

function pem(name: Parameters<typeof pemPath>[0]): string {
  return readFileSync(pemPath(name), "utf8");
}

/** What a node with that certificate is started with. */
export function certificates(
  name: CertificateName = "node",
  ca: "ca" | "other_ca" = "ca",
): TlsOptions {
  return { cert: pem(name), key: pem("key"), ca: pem(ca) };
}
