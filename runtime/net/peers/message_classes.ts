/**
 * The runtime's own messages that keep their class when an actor forwards them
 * to another Hornbeam node. The numbers are part of the protocol.
 */

import { Call, Cast, SystemRequest } from "../../core/messages/requests.ts";
import {
  Down,
  Exit,
  NodeDown,
  NodeUp,
  Timeout,
} from "../../core/messages/runtime_messages.ts";
import type { RecordClass } from "../../wire/cbor/tags.ts";

export const messageClasses: readonly RecordClass[] = [
  { tag: 0, Class: Down, fields: ["type", "ref", "target", "reason", "tag"] },
  { tag: 1, Class: Exit, fields: ["type", "from", "reason"] },
  { tag: 2, Class: Timeout, fields: ["type", "ref", "message"] },
  { tag: 3, Class: NodeUp, fields: ["type", "node"] },
  { tag: 4, Class: NodeDown, fields: ["type", "node", "reason"] },
  { tag: 5, Class: Call, fields: ["type", "from", "request"] },
  { tag: 6, Class: Cast, fields: ["type", "request"] },
  { tag: 7, Class: SystemRequest, fields: ["type", "from", "request"] },
];
