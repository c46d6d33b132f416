/**
 * Actors of one node in one thread. `bench_local.erl` has the same shapes.
 */

import type { Row } from "../row.ts";
import { massExitRow } from "./exits.ts";
import { lifeRows } from "./lives.ts";
import { mailboxRows } from "./mailboxes.ts";
import { messageRows } from "./messages.ts";
import { skynetRow } from "./skynet.ts";
import { timerRows } from "./timers.ts";

export const localRows: readonly Row[] = [
  ...messageRows,
  ...mailboxRows,
  ...lifeRows,
  massExitRow,
  skynetRow,
  ...timerRows,
];
