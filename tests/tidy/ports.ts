/**
 * The ports that documentation and examples name. They run side by side, on
 * several runtimes at once: tests replace these ports by free ones, which they
 * can only do with ports from 4370 to 4399, and a reader who runs two programs
 * at once finds no port in both. 4369 is the default of epmd.
 */

/** A piece of code with fixed ports: a block of a page, or a file. */
export type Program = {
  readonly path: string;
  readonly line: number;
  readonly code: string;
};

const REPLACEABLE = /(?<![\w.])43[789]\d(?![\w.])/g;

/** A number that is called a port, in TypeScript or on a command line. */
const NAMED =
  /(?:\b\w*[pP]ort|\b[A-Z_]*PORT|--[\w-]*port)["']?\s*[:=\s]\s*(\d{2,5})\b/g;
/** The port of an address. */
const IN_ADDRESS = /(?:localhost|127\.0\.0\.1|0\.0\.0\.0):(\d{2,5})\b/g;

/** The ports that tests replace, as often as they occur. */
export function portsIn(code: string): number[] {
  return Array.from(code.matchAll(REPLACEABLE), ([text]) => Number(text));
}

/**
 * Examples are started as they are, several at a time and on several runtimes:
 * they name no port and read that of epmd from `ERL_EPMD_PORT`.
 */
export function portsOfExamples(examples: readonly Program[]): string[] {
  return examples.flatMap(({ path, code }) =>
    portsIn(code).map((port) =>
      `${path}: port ${port} is fixed; read ERL_EPMD_PORT, or ask for a free one`
    )
  );
}

/** What is wrong with the ports of these programs. */
export function portMisuses(programs: readonly Program[]): string[] {
  const owners = new Map<number, string>();
  return programs.flatMap(({ path, line, code }) => {
    const place = `${path}:${line}`;
    const misuses: string[] = [];
    for (
      const [, text] of [...code.matchAll(NAMED), ...code.matchAll(IN_ADDRESS)]
    ) {
      const port = Number(text);
      if (port === 0 || (port >= 4370 && port <= 4399)) continue;
      misuses.push(
        `${place}: expected port 0 or one from 4370 to 4399, which tests ` +
          `replace by free ones, got ${port}`,
      );
    }
    for (const port of new Set(portsIn(code))) {
      const owner = owners.get(port);
      owners.set(port, place);
      if (owner === undefined) continue;
      misuses.push(
        `${place}: port ${port} is that of ${owner} as well; take one that ` +
          "no other program has",
      );
    }
    return misuses;
  });
}
