/**
 * Sentences that the rule of words refuses and allows. It does not look at this
 * file.
 */

/** A sentence, and the words that are refused in it. */
export const refusedProse: readonly (readonly [string, string])[] = [
  ["Whoever asks is the caller.", "Whoever"],
  ["It goes to whomever asked.", "whomever"],
  ["It takes whatever comes.", "whatever"],
  ["The node, which is nobody.", "nobody"],
  ["It is told to no one.", "no one"],
  ["It waits for\nsomebody else.", "somebody else"],
  ["It is everyone's queue.", "everyone's"],
  ["It is told to anybody who asks.", "anybody"],
  ["It has its last word.", "last word"],
  ["It has its last\nwords.", "last words"],
  ["It outlives the living ones.", "the living"],
  ["A message to the dead is lost.", "the dead"],
  ["A link to the dead.", "the dead"],
  ["It hears of the end.", "hears of"],
  ["It was heard from.", "heard from"],
  ["It cannot be stopped in mid-air.", "in mid-air"],
  ["It harms nothing.", "harms nothing"],
  ["These are pauses of chance.", "of chance"],
  ["It refuses strangers.", "strangers"],
  ["It announces deaths.", "deaths"],
  ["A rule. One that has ended is free.", "One that"],
  ["A lock. Who is refused a lock asks again.", "Who"],
];

export const allowedProse: readonly string[] = [
  "A caller that is refused a lock asks again.",
  "A message to the dead pid is lost, and so is one to a dead node.",
  "The actor that holds the lock, and the one that waits for it.",
  "Which is it? Who asks?",
  "A callback that can be heard in the log.",
];

/** Where the words are names and no prose: a path and its text. */
export const proseInCode: readonly (readonly [string, string])[] = [
  ["a.ts", "const nobody = f(whoever);"],
  ["a.ts", 'import { a } from "./no nobody here.ts";'],
  ["a.ts", '/** See `nobody`. */ f("nobody");'],
  ["a.ts", 'f("gen_server:call({nobody, Node}, a b), ok", a);'],
  ["a.ts", "f(`rpc:sbcast([${node}], nobody, hello there)`);"],
  ["a.md", '| A | `tests/a/b.test.ts` "nobody is told", "x" |'],
  ["a.md", "```ts\nconst nobody = 1;\n```\n"],
];
