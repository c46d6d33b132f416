/** Definitions of applications that are not valid. */
import { expect, test } from "vitest";
import { application, Applications } from "../../../std/application/mod.ts";
import { lone } from "../../helpers/actors.ts";

test("a start that returns no root fails with an error that says so", async () => {
  const { node } = await lone();
  await node.run(async (self) => {
    const apps = await Applications.startLink(self);
    const app = application({ name: "x", start: () => null as never });
    await expect(apps.start(self, app)).rejects.toThrow(
      "expected the start of x to return its root, or an object with its pid, got null",
    );
    expect(apps.which()).toEqual([]);
  });
});
