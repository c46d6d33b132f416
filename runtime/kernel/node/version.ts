/** The version of this package, which a node tells on request. */
export const VERSION = "0.1.0";
