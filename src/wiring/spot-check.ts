/**
 * Before an instance of a registered artifact gets requests, also after a board was programmed anew: a few
 * golden rows, which must be what its class allows. A board that computes wrong numbers is found here.
 */
import { StatusError } from "../errors.ts";
import { Comparison } from "../policy/equivalence/comparison.ts";
import { Lane } from "../pool/lane.ts";
import type { CatalogModel, Digest } from "../registry/catalog/types.ts";
import { GoldenPair } from "../registry/golden/golden-files.ts";
import { requestsOf } from "../registry/golden/requests-of.ts";
import type { ModelDefinition, VariantDefinition } from "../registry/types.ts";
import type { Instance } from "../workers/types.ts";
import { runOnLane } from "./run-on-lane.ts";

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
      const size = Math.min(ROWS, Math.max(1, signature.maxBatchSize));
      for await (const { first, rows, inputs, outputs } of golden.chunks(size)) {
        const shapeOf = (input: string) => golden.shapeOf(input);
        const lane = new Lane(instance, now);
        const answers: ReadonlyMap<string, Uint8Array>[] = [];
        for (const request of requestsOf(signature, shapeOf, inputs, rows)) {
          const [answer = new Map()] = (await runOnLane(lane, definition, [request])).outputs;
          answers.push(answer);
        }
        const numbers = Array.from({ length: rows }, (_, row) => first + row);
        comparison.add(numbers, joined(answers), outputs);
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

/** Answers to requests one after the other, as if they had been one. */
function joined(answers: readonly ReadonlyMap<string, Uint8Array>[]) {
  const names = [...(answers[0]?.keys() ?? [])];
  return new Map(
    names.map((name) => [
      name,
      Buffer.concat(answers.map((answer) => answer.get(name) ?? new Uint8Array())),
    ]),
  );
}
