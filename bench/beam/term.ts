/**
 * The term of the rows of the external term format: an order as two services
 * might tell each other of it, 232 bytes. `term/0` in `bench_beam.erl` is the
 * same; a test has OTP compare the bytes of both.
 */

import { decode } from "../../runtime/etf.ts";
import { atom, tuple } from "../../runtime/mod.ts";

/** `<94.0>` of `a@127.0.0.1`: a pid comes from a node, or from its bytes. */
const replyTo = decode(
  new Uint8Array([
    ...[131, 88, 119, 11],
    ...new TextEncoder().encode("a@127.0.0.1"),
    ...[0, 0, 0, 94, 0, 0, 0, 0, 103, 67, 133, 29],
  ]),
);

export const term: Readonly<Record<string, unknown>> = {
  id: 4711,
  kind: atom("order"),
  customer: "Ada Lovelace",
  total: 129.95,
  paid_at: 1_732_477_213_261_455_677n,
  items: [tuple("sku-1042", 2), tuple("sku-77", 1)],
  tags: [atom("new"), atom("gift")],
  key: new Uint8Array([
    159,
    226,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
  ]),
  reply_to: replyTo,
  note: null,
};
