/** The VERSION of this package, for those who ask a node what it runs. */
export const VERSION = "0.1.0";
