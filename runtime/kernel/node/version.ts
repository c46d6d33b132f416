/** The version of this package, for those who ask a node what it runs. */
export const version = "0.1.0";
