/** What the rows of names and groups spawn on other nodes, and its loops. */

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

/** A global name that is looked up, and one whose owner is killed. */
export const NAME = "service";
export const GROUP = "group";

/** Gives a name of its own to itself and takes it back, so often. */
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

/** Has a name until it is told to end. */
function owner(told: Pid<Report>): Behaviour<Report> {
  return async (self: Self<Report>) => {
    mustBe(await global.registerName(self, NAME, self.pid));
    self.send(told, DONE);
    await self.receive();
  };
}

/** Says at first that it listens, and then each join that it hears of. */
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
 * Says that it watches the owner of the name, takes the name when that has
 * ended, and says so if it was the one to get it. Ends when it is told to.
 */
function standby(told: Pid<Report>): Behaviour<Report | Down> {
  return async (self: Self<Report | Down>) => {
    const first = global.whereisName(self, NAME);
    if (first === null) throw new Error("expected an owner to watch");
    const ref = self.monitor(first);
    self.send(told, DONE);
    await self.receive(ref);
    if (await global.registerName(self, NAME, self.pid)) self.send(told, DONE);
    await self.receive();
  };
}

/** What each node of these rows offers the others. */
export const behaviours: {
  readonly owner: typeof owner;
  readonly watcher: typeof watcher;
  readonly standby: typeof standby;
} = { owner, watcher, standby };
