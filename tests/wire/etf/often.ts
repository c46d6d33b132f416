/**
 * Decodes a term, given in hexadecimal, as often as told, and prints whether
 * code from strings is forbidden and what the term was the last time.
 */
import process from "node:process";
import { decode } from "../../../runtime/etf.ts";
import { fromHex } from "../../helpers/hex.ts";

const bytes = fromHex(process.argv[2]!);
let term: unknown;
for (let i = Number(process.argv[3]); i > 0; i--) term = decode(bytes);
try {
  new Function("return 1");
  console.log("allowed");
} catch {
  console.log("forbidden");
}
console.log(JSON.stringify(term));
