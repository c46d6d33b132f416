/** The version of the package that this command line belongs to. */

import { existsSync, readFileSync } from "node:fs";

/** From a checkout `package.json` is two folders up, from `dist/` three. */
export function ownVersion(): string {
  for (const path of ["../../package.json", "../../../package.json"]) {
    const url = new URL(path, import.meta.url);
    if (!existsSync(url)) continue;
    const { version } = JSON.parse(readFileSync(url, "utf8")) as {
      readonly version: string;
    };
    return version;
  }
  return "unknown";
}
