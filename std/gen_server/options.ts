/** What the options of `gen_server`'s functions and definitions take. */

import { option, OptionTable } from "../../runtime/mod.ts";
import type { ChildOptions } from "../internal/child_spec.ts";
import { childRules, namedStartRules } from "../internal/options.ts";
import type { Definition, InitialOptions, ServerOptions } from "./types.ts";

/** Options of a server below a supervisor: `Counter.child(0, { id: "a" })`. */
export type ServerChildOptions = ServerOptions & ChildOptions & {
  readonly id?: unknown;
};

const callback = option.callback;

export const definitionOptions: OptionTable<
  Definition<unknown, never, unknown, unknown>
> = new OptionTable<
  Definition<unknown, never, unknown, unknown>
>("genServer", {
  name: option.text,
  trapExits: option.flag,
  init: option.any,
  calls: option.object,
  casts: option.object,
  handleCall: callback,
  handleCast: callback,
  info: callback,
  continue: callback,
  timeout: callback,
  terminate: callback,
  formatStatus: callback,
});

export const initialOptions: OptionTable<InitialOptions> = new OptionTable<
  InitialOptions
>(
  "initial",
  {
    continue: option.any,
    timeoutMs: option.timeout,
  },
);

export const childOptions: OptionTable<ServerChildOptions> = new OptionTable<
  ServerChildOptions
>(
  "child",
  {
    ...namedStartRules,
    ...childRules,
    id: option.any,
  },
);
