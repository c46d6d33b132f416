/** The behaviours and loops of the rows of names and groups. */

import {
  type Behaviour,
  type Down,
  global,
  GroupJoin,
  pg,
  type Pid,
  type Self,
} from "../../runtime/mod.ts";
import { DONE, type Report } from "../inside/turns.ts";

/** The global name that is looked up, and whose owner is killed. */
export const NAME = "service";
export const GROUP = "group";

/** Registers a name for itself and unregisters it, `rounds` times. */
export async function giveAndTake(
  self: Self<Report>,
  rounds: number,
  name: string,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    mustBe(await global.registerName(self, name, self.pid));
    await global.unregisterName(self, name);
  }
}

export function mustBe(isDone: boolean): void {
  if (!isDone) throw new Error("expected a name to be free");
}

/** Holds the name until it is told to end. */
function owner(told: Pid<Report>): Behaviour<Report> {
  return async (self: Self<Report>) => {
    mustBe(await global.registerName(self, NAME, self.pid));
    self.send(told, DONE);
    await self.receive();
  };
}

/** Reports that it monitors the group, and then each join. */
function watcher(told: Pid<Report>): Behaviour<Report | GroupJoin> {
  return async (self: Self<Report | GroupJoin>) => {
    pg.monitor(self, GROUP);
    self.send(told, DONE);
    for await (const message of self) {
      if (message instanceof GroupJoin) self.send(told, DONE);
      else if (message === DONE) return;
    }
  };
}

/**
 * Reports that it monitors the owner of the name. When the owner has ended, it
 * tries to register the name, and reports if it has got it. It ends when it is
 * told to.
 */
function standby(told: Pid<Report>): Behaviour<Report | Down> {
  return async (self: Self<Report | Down>) => {
    const first = global.whereisName(self, NAME);
    if (first === null) throw new Error("expected an owner to monitor");
    const ref = self.monitor(first);
    self.send(told, DONE);
    await self.receive(ref);
    if (await global.registerName(self, NAME, self.pid)) self.send(told, DONE);
    await self.receive();
  };
}

/** The behaviours that each node of these rows exports. */
export const behaviours: {
  readonly owner: typeof owner;
  readonly watcher: typeof watcher;
  readonly standby: typeof standby;
} = { owner, watcher, standby };
