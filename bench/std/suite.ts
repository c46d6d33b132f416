/** The name and the peer of this suite. */

import type { Suite } from "../local/owner.ts";

export const std: Suite = {
  name: "std",
  peer: {
    source: new URL("./bench_std.erl", import.meta.url),
    distributed: false,
  },
};
