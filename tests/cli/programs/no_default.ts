/** Has nothing to run. */
export const answer = 42;
