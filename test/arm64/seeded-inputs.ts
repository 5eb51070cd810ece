/** Inputs that are the same on every architecture. */
import type { ModelVariant, Tensor } from "../../backends/contract.ts";
import { mulberry32 } from "../../src/inference/seeded-random.ts";
import { elements } from "../../src/workers/sample-elements.ts";

/** Free axes get it: tensors of one model often share them. */
const FREE_LENGTH = 3;

/** Floats from 0 up to 1, where the models of physics are defined; integers 0 and 1. */
export function seededInputs(variant: ModelVariant, rows: number): readonly Tensor[] {
  const draw = mulberry32(2024);
  return variant.inputs.map(({ name, datatype, shape }) => {
    const dims = shape.map((length) => (length < 0 ? FREE_LENGTH : length));
    const full = variant.maxBatchSize > 0 ? [rows, ...dims] : dims;
    const length = full.reduce((product, axis) => product * axis, 1);
    const isFloat = datatype.startsWith("FP");
    const data = elements(datatype, length, isFloat ? () => 0.5 + draw() / 4 : draw);
    return { name, datatype, shape: full, data };
  });
}
