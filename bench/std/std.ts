/**
 * The modules of std on one node: servers, supervisors, a registry and PubSub.
 * `bench_std.erl` does the same with those of OTP and Elixir.
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
