/** A supervisor with some children, for tests of what becomes of them. */
import type { LogRecord, RunningNode, Self } from "../../runtime/mod.ts";
import {
  type ChildSpec,
  type RunningSupervisor,
  Supervisor,
  type SupervisorOptions,
} from "../../std/supervisor/mod.ts";
import { lone } from "../helpers/actors.ts";
import { Nursery } from "./nursery.ts";

export type World = {
  readonly node: RunningNode;
  readonly records: readonly LogRecord[];
  readonly nursery: Nursery;
};

/** A supervisor with some children, in the hands of a body. */
export async function withFamily(
  options: Partial<SupervisorOptions> & {
    readonly ids?: string;
    readonly specs?: (nursery: Nursery) => readonly ChildSpec[];
  },
  body: (
    self: Self<unknown>,
    sup: RunningSupervisor,
    world: World,
  ) => Promise<void>,
): Promise<void> {
  const { node, records } = await lone();
  const nursery = new Nursery();
  const { ids = "abc", specs, ...more } = options;
  await node.run(async (self) => {
    self.trapExits = true;
    const sup = await Supervisor.startLink(self, {
      children: specs?.(nursery) ?? nursery.specs(ids),
      ...more,
    });
    await body(self, sup, { node, records, nursery });
  });
}

/** What supervisors have reported of a kind. */
export function reportsOf(
  records: readonly LogRecord[],
  kind: string,
): readonly LogRecord[] {
  return records.filter(({ fields }) => fields?.["report"] === kind);
}
