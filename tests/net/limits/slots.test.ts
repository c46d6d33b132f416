/** Places for clients without the cookie: who gives way when all are held. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Slots } from "../../../runtime/net/limits/slots.ts";

/** Takes a place for each holder `a1`, `b2`: the letter is its address. */
function fill(max: number, ...holders: readonly string[]): Slots<string> {
  const slots = new Slots<string>(max);
  for (const holder of holders) slots.take(holder, holder[0]!);
  return slots;
}

describe("while there is room", () => {
  test("one address may hold all places", () => {
    const slots = new Slots<number>(200);
    for (let i = 0; i < 200; i++) {
      expect(slots.take(i, "127.0.0.1")).toBeNull();
    }
    expect(slots.size).toBe(200);
  });

  test("a released place is free", () => {
    const slots = fill(2, "a1", "a2");
    expect(slots.release("a1")).toBe(true);
    expect(slots.release("a1")).toBe(false);
    expect(slots.take("b1", "b")).toBeNull();
    expect(slots.all()).toEqual(["a2", "b1"]);
    expect([slots.has("a1"), slots.has("b1")]).toEqual([false, true]);
  });
});

describe("when all places are held", () => {
  test.each([
    ["the oldest of the fullest address", ["b1", "a1", "a2", "a3"], "c1", "a1"],
    [
      "the newcomer's own address, with it",
      ["a1", "b1", "b2", "a2"],
      "a3",
      "a1",
    ],
    ["the oldest, where all have one", ["b1", "a1", "c1", "d1"], "e1", "b1"],
    ["the only address", ["a1", "a2", "a3", "a4"], "a5", "a1"],
  ])("gives way: %s", (_, holders, newcomer, loser) => {
    const slots = fill(holders.length, ...holders);
    expect(slots.take(newcomer, newcomer[0]!)).toBe(loser);
    expect(slots.size).toBe(holders.length);
    expect([slots.has(loser), slots.has(newcomer)]).toEqual([false, true]);
  });

  test("silent clients of an address give way before those that spoke", () => {
    const slots = fill(3, "a1", "a2", "a3");
    slots.hasSpoken("a1");
    slots.hasSpoken("a2");
    expect(slots.take("a4", "a")).toBe("a3");
    expect(slots.take("a5", "a")).toBe("a4");
    slots.hasSpoken("a5");
    expect(slots.take("a6", "a")).toBe("a1");
  });

  test("a proved address may hold four times as many", () => {
    const slots = fill(5, "a1");
    slots.prove("a1");
    slots.release("a1");
    for (const holder of ["a2", "a3", "a4", "b1", "b2"]) {
      slots.take(holder, holder[0]!);
    }
    // Three places count as less than one: the two of b are the most.
    expect(slots.take("c1", "c")).toBe("b1");
    expect(slots.take("c2", "c")).toBe("c1");
    // Seven places would count as more than one.
    const many = fill(7, "a1");
    many.prove("a1");
    for (const holder of ["a2", "a3", "a4", "a5", "a6", "b1"]) {
      many.take(holder, holder[0]!);
    }
    expect(many.take("c1", "c")).toBe("a1");
  });

  test("proved addresses are remembered up to a number", () => {
    const slots = new Slots<number>(4);
    for (let i = 0; i < 5_000; i++) {
      slots.take(i, `address ${i}`);
      slots.prove(i);
      slots.release(i);
    }
    slots.take(1, "address 0");
    slots.take(2, "address 0");
    slots.take(3, "address 4999");
    slots.take(4, "address 4999");
    expect(slots.take(5, "new")).toBe(1);
  });
});

test("a flood of one address never takes the place of another", () => {
  const slots = new Slots<string>(8);
  slots.take("honest", "10.0.0.1");
  for (let i = 0; i < 1_000; i++) slots.take(`flood ${i}`, "10.0.0.2");
  expect(slots.has("honest")).toBe(true);
  expect(slots.size).toBe(8);
});

test("the number of places is kept in any order of calls", () => {
  const operation = fc.record({
    act: fc.constantFrom("take", "release", "speak", "prove"),
    holder: fc.nat(30),
    address: fc.constantFrom("a", "b", "c", "d"),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.array(operation, { maxLength: 200 }),
      (max, operations) => {
        const slots = new Slots<number>(max);
        const model = new Set<number>();
        for (const { act, holder, address } of operations) {
          if (act === "speak") slots.hasSpoken(holder);
          else if (act === "prove") slots.prove(holder);
          else if (act === "release") {
            expect(slots.release(holder)).toBe(model.delete(holder));
          } else if (!model.has(holder)) {
            const loser = slots.take(holder, address);
            expect(loser === null).toBe(model.size < max);
            if (loser !== null) expect(model.delete(loser)).toBe(true);
            model.add(holder);
          }
          expect(new Set(slots.all())).toEqual(model);
          expect(slots.size).toBe(model.size);
        }
      },
    ),
  );
});
