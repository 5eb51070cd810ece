/** Facts of an artifact with a batch size burnt in, as if it took any: what the other axes are judged by. */
import type { ArtifactFacts, TensorSpec } from "../../../backends/contract.ts";

export function freeBatchAxis(facts: ArtifactFacts): ArtifactFacts {
  if (facts.fixedBatchSize === undefined) return facts;
  const free = ({ shape, ...tensor }: TensorSpec): TensorSpec => ({
    ...tensor,
    shape: [-1, ...shape.slice(1)],
  });
  const { inputs = [], outputs = [] } = facts;
  return { ...facts, inputs: inputs.map(free), outputs: outputs.map(free), batchable: true };
}
