/** Runs before each test file: what the file starts is ended with the file. */
import { afterAll } from "vitest";
import { endAll } from "./at_end.ts";
import { stopAll } from "./processes.ts";

afterAll(async () => {
  try {
    await endAll();
  } finally {
    await stopAll();
  }
});
