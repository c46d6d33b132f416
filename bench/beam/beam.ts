/**
 * With the BEAM: its term format, and messages between a node and one of it.
 */

import type { Row } from "../row.ts";
import { etfRows } from "./etf.ts";
import { messageRows } from "./messages.ts";

export const beamRows: readonly Row[] = [...etfRows, ...messageRows];
