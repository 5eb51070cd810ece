/**
 * Before an instance of a registered artifact gets requests, also after a board was programmed anew: a few
 * golden rows, which must be what its class allows. A board that computes wrong numbers is found here.
 */
import { StatusError } from "../errors.ts";
import { checkRequest } from "../inference/validate.ts";
import { Comparison } from "../policy/equivalence/comparison.ts";
import { Lane } from "../pool/lane.ts";
import type { CatalogModel, Digest } from "../registry/catalog/types.ts";
import { GoldenPair } from "../registry/golden/golden-files.ts";
import type { ModelDefinition, VariantDefinition } from "../registry/types.ts";
import type { Instance } from "../workers/types.ts";
import { wireOf } from "./gate-executor.ts";

export interface SpotCheckParts {
  find(name: string): CatalogModel | undefined;
  blobPath(digest: Digest): string;
  /** Monotonic ms. */
  now(): number;
}

const ROWS = 16;

/** Statistics of physics need more rows than these, and sequences more than one request: they are left to the gate. */
export function spotCheck({ find, blobPath, now }: SpotCheckParts) {
  return async (
    definition: ModelDefinition,
    variant: VariantDefinition,
    instance: Instance,
  ): Promise<void> => {
    const { signature, sequence } = definition;
    const version = find(definition.name)?.versions[definition.version];
    const artifact = version?.artifacts.find(({ digest }) => digest === variant.artifact.digest);
    if (version?.golden === undefined || artifact === undefined) return;
    const equivalence = artifact.equivalence ?? version.equivalence;
    if (equivalence.class.kind === "physics" || sequence !== undefined || signature.decoupled)
      return;
    const { inputs, outputs } = version.golden;
    const golden = await GoldenPair.open(signature, {
      inputs: blobPath(inputs),
      outputs: blobPath(outputs),
    });
    try {
      const comparison = new Comparison(equivalence, signature.outputs);
      const batched = signature.maxBatchSize > 0;
      const size = batched ? Math.min(ROWS, signature.maxBatchSize) : 1;
      for await (const chunk of golden.chunks(size)) {
        const tensors = golden.inputNames.flatMap((name) => {
          const data = chunk.inputs.get(name);
          const spec = signature.inputs.find((input) => input.name === name);
          if (data === undefined || spec === undefined) return [];
          const row = golden.shapeOf(name);
          const shape = batched ? [chunk.rows, ...row] : row;
          return [{ name, datatype: spec.datatype, shape, data }];
        });
        const request = checkRequest(wireOf(definition, tensors, undefined), signature, undefined);
        const executed = await new Lane(instance, now).execute([request]);
        const got = new Map(
          executed.outputs.flatMap(({ index, data }) => {
            const name = signature.outputs[index]?.name;
            return name === undefined ? [] : [[name, Uint8Array.from(data)] as const];
          }),
        );
        executed.release();
        comparison.add(
          Array.from({ length: chunk.rows }, (_, row) => chunk.first + row),
          got,
          chunk.outputs,
        );
        break;
      }
      const { passed, reason } = comparison.result;
      if (passed) return;
      throw new StatusError(
        "UNAVAILABLE",
        `device ${instance.report.device.id} does not compute what the gate saw ` +
          `(${variant.name} of model '${definition.name}' version ${definition.version}): ${reason}`,
      );
    } finally {
      golden.close();
    }
  };
}
