/** Runs before each test file: whatever the file starts is gone at its end. */
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
