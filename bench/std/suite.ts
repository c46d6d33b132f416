/** What the rows of this suite have in common. */

import type { Suite } from "../local/owner.ts";

export const std: Suite = {
  name: "std",
  peer: {
    source: new URL("./bench_std.erl", import.meta.url),
    distributed: false,
  },
};
