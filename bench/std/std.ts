/**
 * What std adds to actors: servers, supervisors, a registry and PubSub on one
 * node. `bench_std.erl` does the same with OTP's and Elixir's.
 */

import type { Row } from "../row.ts";
import { fanOutRow } from "./fan_out.ts";
import { lookupRow } from "./lookups.ts";
import { serverRows } from "./servers.ts";
import { restartRow, startsRow } from "./supervisors.ts";

export const stdRows: readonly Row[] = [
  ...serverRows,
  startsRow,
  lookupRow,
  restartRow,
  fanOutRow,
];
