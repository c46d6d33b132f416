/** Actors to start and stop. */
import type { Self } from "../../../runtime/mod.ts";
import type { Starting } from "../../../std/proc_lib/mod.ts";
import { park } from "../../helpers/actors.ts";

/** Acknowledges its start at once. */
export const acknowledge =
  ({ initAck }: Starting) => async (me: Self): Promise<void> => {
    initAck();
    await park(me);
  };
/** Never acknowledges its start. */
export const silent = (): typeof park => park;
