import { describe, expect, test } from "vitest";
import {
  complainAboutModes,
  nameMode,
  NodeNameError,
  parseNodeName,
} from "../../../runtime/wire/shared/node_name.ts";

describe("node names", () => {
  test("have a part and a host", () => {
    expect(parseNodeName("a-1_B@127.0.0.1"))
      .toEqual({ part: "a-1_B", host: "127.0.0.1" });
    expect(parseNodeName("a@my-host").host).toBe("my-host");
    expect(parseNodeName("a@::1").host).toBe("::1");
  });

  test.each([
    ["a", 'expected a node name "part@host", got "a"'],
    ["", 'got ""'],
    ["@host", "before the"],
    ["a.b@host", "before the"],
    ["a b@host", "before the"],
    ["a@", "after the"],
    ["a@b@c", "after the"],
    ["a@h\u00f6st", "after the"],
    ["a@host\n", "after the"],
    [`a@${"h".repeat(254)}`, "at most 255 characters, got 256"],
    [undefined, 'expected a node name "part@host", got undefined'],
    [5, "got 5"],
  ])("are refused: %j", (name, complaint) => {
    expect(() => parseNodeName(name as string)).toThrow(NodeNameError);
    expect(() => parseNodeName(name as string)).toThrow(complaint);
  });

  test("are short or long", () => {
    expect(nameMode("host")).toBe("short");
    expect(nameMode("host.example.org")).toBe("long");
    expect(nameMode("::1")).toBe("long");
    expect(complainAboutModes("a@one", "b@two")).toBeNull();
    expect(complainAboutModes("a@one", "b@127.0.0.1"))
      .toContain("got b@127.0.0.1 with a long one");
  });
});
