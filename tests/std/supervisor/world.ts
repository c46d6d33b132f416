/** A supervisor with test children, and its reports. */
import type { LogRecord, RunningNode, Self } from "../../../runtime/mod.ts";
import {
  type ChildSpec,
  type RunningSupervisor,
  Supervisor,
  type SupervisorOptions,
} from "../../../std/supervisor/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { TestChildren } from "../test_children.ts";

export type World = {
  readonly node: RunningNode;
  readonly records: readonly LogRecord[];
  readonly testChildren: TestChildren;
};

/** Starts a supervisor with test children, and runs a body with it. */
export async function withSupervisor(
  options: Partial<SupervisorOptions> & {
    readonly ids?: string;
    readonly specs?: (testChildren: TestChildren) => readonly ChildSpec[];
  },
  body: (
    self: Self<unknown>,
    sup: RunningSupervisor,
    world: World,
  ) => Promise<void>,
): Promise<void> {
  const { node, records } = await lone();
  const testChildren = new TestChildren();
  const { ids = "abc", specs, ...more } = options;
  await node.run(async (self) => {
    self.trapExits = true;
    const sup = await Supervisor.startLink(self, {
      children: specs?.(testChildren) ?? testChildren.specs(ids),
      ...more,
    });
    await body(self, sup, { node, records, testChildren });
  });
}

/** The reports of supervisors of one type. */
export function reportsOf(
  records: readonly LogRecord[],
  type: string,
): readonly LogRecord[] {
  return records.filter(({ fields }) => fields?.["report"] === type);
}
