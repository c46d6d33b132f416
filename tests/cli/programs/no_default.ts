/** A module without a default export. */
export const ANSWER = 42;
