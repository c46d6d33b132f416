/**
 * What a test file has started and not ended when its last test is over.
 *
 * Files of the shared workers have these modules in common, whose top level
 * runs once and not once for each file. So the hook that ends everything is
 * registered by `setup.ts`, which vitest runs before each file.
 */
const cleanUps: (() => unknown)[] = [];

/** Has something done when the test file ends, the last first. */
export function atEnd(cleanUp: () => unknown): void {
  cleanUps.push(cleanUp);
}

/** Does all of that. */
export async function endAll(): Promise<void> {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
}
