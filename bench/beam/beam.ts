/**
 * Rows with the BEAM: its term format, and messages with a BEAM node.
 */

import type { Row } from "../row.ts";
import { etfRows } from "./etf.ts";
import { messageRows } from "./messages.ts";

export const beamRows: readonly Row[] = [...etfRows, ...messageRows];
