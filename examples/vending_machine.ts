/**
 * A vending machine: the effect of a button depends on the coins inserted.
 *
 * ```text
 * node examples/vending_machine.ts
 * ```
 *
 * What to copy from it: a state for each thing that can be waited for, a
 * time-out that belongs to a state and ends with it, and an event that is
 * postponed until the state has changed.
 */

import { start } from "../runtime/mod.ts";
import { genStatem, initial, takes } from "../std/gen_statem/mod.ts";

const prices: Readonly<Record<string, number>> = { tea: 2, coffee: 3 };
/** After this time without an event the coins are returned. */
const PATIENCE_MS = 200;
const BREW_MS = 50;

const hurry = [{ type: "stateTimeout", timeoutMs: PATIENCE_MS }] as const;

type Purse = { coins: number; drink: string };

export const VendingMachine = genStatem({
  name: "VendingMachine",
  calls: {
    /** Resolves with the coins that are in. */
    insert: takes<(coins: number) => number>(),
    /** Resolves with the drink, or with what is missing. */
    choose: takes<(drink: string) => string>(),
    /** Resolves with the coins that come back. */
    cancel: takes<() => number>(),
  },
  init: () => initial("idle", { coins: 0, drink: "" } as Purse),
  states: {
    /** No coins are in. */
    idle: (event, machine) => {
      if (event.type !== "call") return machine.keepStateAndData();
      switch (event.name) {
        case "insert":
          machine.data.coins = event.args[0];
          machine.reply(event.from, machine.data.coins);
          return machine.nextState("paid", machine.data, hurry);
        case "choose":
          machine.reply(event.from, "insert a coin first");
          return machine.keepStateAndData();
        case "cancel":
          machine.reply(event.from, 0);
      }
      return machine.keepStateAndData();
    },
    /** Coins are in, and no drink is chosen. */
    paid: (event, machine) => {
      const { data } = machine;
      // It ends with the state: no other state has to cancel it.
      if (event.type === "stateTimeout") {
        console.log(`${data.coins} coins come back`);
        return machine.nextState("idle", { coins: 0, drink: "" });
      }
      if (event.type !== "call") return machine.keepStateAndData();
      switch (event.name) {
        case "insert":
          data.coins += event.args[0];
          machine.reply(event.from, data.coins);
          return machine.keepStateAndData(hurry);
        case "cancel":
          machine.reply(event.from, data.coins);
          return machine.nextState("idle", { coins: 0, drink: "" });
        case "choose": {
          const [drink] = event.args;
          const price = prices[drink] ?? Infinity;
          if (data.coins < price) {
            machine.reply(event.from, `${drink} costs ${price}`);
            return machine.keepStateAndData();
          }
          machine.reply(event.from, `${drink} is on its way`);
          return machine.nextState(
            "brewing",
            { coins: data.coins - price, drink },
            [{ type: "stateTimeout", timeoutMs: BREW_MS }],
          );
        }
      }
      return machine.keepStateAndData();
    },
    /** Other events are postponed until the drink is ready. */
    brewing: (event, machine) => {
      const { coins, drink } = machine.data;
      if (event.type !== "stateTimeout") {
        return machine.keepStateAndData([{ type: "postpone" }]);
      }
      console.log(`here is your ${drink}`);
      return coins === 0
        ? machine.nextState("idle", { coins, drink: "" })
        : machine.nextState("paid", { coins, drink: "" }, hurry);
    },
  },
});

if (import.meta.main) {
  await using node = await start();
  await node.run(async (self) => {
    const machine = await VendingMachine.startLink(self);
    console.log(await machine.choose("tea"));
    console.log(`${await machine.insert(2)} coins are in`);
    console.log(await machine.choose("coffee"));
    console.log(await machine.choose("tea"));
    // Postponed until the tea is ready.
    console.log(`${await machine.insert(1)} coin is in`);
    await self.receive("nothing", { timeoutMs: 2 * PATIENCE_MS });
    console.log(`${await machine.cancel()} coins are in`);
  });
}
