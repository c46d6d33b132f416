/** The mailbox does what an array would, in each state of its ring. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Mailbox } from "../../../runtime/core/mailbox/mailbox.ts";
import { share } from "../../helpers/share.ts";

function contents(mailbox: Mailbox): unknown[] {
  return Array.from({ length: mailbox.length }, (_, i) => mailbox.at(i));
}

describe("mailbox", () => {
  test("is first in, first out", () => {
    const mailbox = new Mailbox();
    for (let i = 0; i < 100; i++) mailbox.push(i);
    expect(mailbox.length).toBe(100);
    for (let i = 0; i < 100; i++) expect(mailbox.shift()).toBe(i);
    expect(mailbox.length).toBe(0);
  });

  test("keeps its order when it grows while wrapped around", () => {
    const mailbox = new Mailbox();
    // The head stands at every place of a ring of 8 in turn.
    for (let head = 0; head < 8; head++) {
      mailbox.clear();
      for (let i = 0; i < head; i++) mailbox.push("gone");
      for (let i = 0; i < head; i++) mailbox.shift();
      const pushed = Array.from({ length: 20 }, (_, i) => i);
      for (const i of pushed) mailbox.push(i);
      expect(contents(mailbox)).toEqual(pushed);
    }
  });

  test("removes from any place of a ring at any rotation", () => {
    const size = 8;
    for (let head = 0; head < size; head++) {
      for (let length = 1; length <= size; length++) {
        for (let index = 0; index < length; index++) {
          const mailbox = new Mailbox();
          for (let i = 0; i < head; i++) mailbox.push("gone");
          for (let i = 0; i < head; i++) mailbox.shift();
          const model = Array.from({ length }, (_, i) => i);
          for (const i of model) mailbox.push(i);
          expect(mailbox.removeAt(index)).toBe(index);
          model.splice(index, 1);
          mailbox.push("next");
          expect(contents(mailbox)).toEqual([...model, "next"]);
        }
      }
    }
  });

  test("takes undefined for a message like any other", () => {
    const mailbox = new Mailbox();
    mailbox.push(undefined);
    mailbox.push(null);
    expect(mailbox.length).toBe(2);
    expect(mailbox.shift()).toBeUndefined();
    expect(mailbox.shift()).toBeNull();
    expect(mailbox.length).toBe(0);
  });

  test("goes on after a large ring has emptied", () => {
    const mailbox = new Mailbox();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 5_000; i++) mailbox.push(i);
      for (let i = 0; i < 5_000; i++) expect(mailbox.shift()).toBe(i);
      expect(mailbox.length).toBe(0);
    }
  });

  test("behaves as an array under any sequence of calls", () => {
    const call = fc.oneof(
      { weight: 6, arbitrary: fc.record({ push: fc.nat() }) },
      { weight: 4, arbitrary: fc.constant("shift" as const) },
      { weight: 3, arbitrary: fc.record({ removeAt: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ burst: fc.nat({ max: 40 }) }) },
      { weight: 1, arbitrary: fc.constant("drain" as const) },
      { weight: 1, arbitrary: fc.constant("mark" as const) },
    );
    fc.assert(
      fc.property(fc.array(call, { maxLength: 200, size: "max" }), (calls) => {
        const mailbox = new Mailbox();
        const model: unknown[] = [];
        /** How many of the oldest were there at the last mark. */
        let marked = 0;
        let mark = mailbox.received;
        /** Of what came after it, how many are gone: so much it may be off. */
        let gone = 0;
        let next = 0;
        const push = (message: unknown) => {
          mailbox.push(message);
          model.push(message);
        };
        for (const one of calls) {
          if (one === "shift") {
            if (model.length === 0) continue;
            expect(mailbox.shift()).toBe(model.shift());
            if (marked > 0) marked--;
            else gone++;
          } else if (one === "drain") {
            while (model.length > 0) {
              expect(mailbox.shift()).toBe(model.shift());
            }
            gone = mailbox.received - mark;
            marked = 0;
          } else if (one === "mark") {
            mark = mailbox.received;
            marked = mailbox.length;
            gone = 0;
          } else if ("push" in one) {
            push(one.push);
          } else if ("burst" in one) {
            for (let i = 0; i < one.burst; i++) push(`burst ${next++}`);
          } else if (model.length > 0) {
            const index = one.removeAt % model.length;
            expect(mailbox.removeAt(index)).toBe(model.splice(index, 1)[0]);
            if (index < marked) marked--;
            else gone++;
          }
          expect(mailbox.indexSince(mark)).toBe(Math.max(0, marked - gone));
          // Cheaper than `toEqual`, which would take most of the time.
          if (contents(mailbox).some((message, i) => message !== model[i])) {
            expect(contents(mailbox)).toEqual(model);
          }
          expect(mailbox.length).toBe(model.length);
        }
      }),
      { numRuns: share(300) },
    );
  });
});
