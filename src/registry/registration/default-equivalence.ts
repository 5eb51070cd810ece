/** The class of a version for which nobody declared one. */

import type { ClientTensorSpec } from "../../inference/request.ts";
import type { Equivalence } from "../../policy/equivalence/types.ts";

const FLOATS: readonly string[] = ["FP16", "BF16", "FP32", "FP64"];
/** What two runtimes differ by that add the same FP32 numbers in another order, with room to spare. */
const CLOSE: Equivalence = { class: { kind: "abs-rel", abs: 1e-5, rel: 1e-4 } };
const EXACT: Equivalence = { class: { kind: "bit-exact" } };

/** Whole numbers and texts are the same or wrong. */
export function defaultEquivalence(outputs: readonly ClientTensorSpec[]): Equivalence {
  return outputs.some(({ datatype }) => FLOATS.includes(datatype)) ? CLOSE : EXACT;
}
