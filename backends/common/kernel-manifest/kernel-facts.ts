/** The kernels of an artifact, whoever made it, as a manifest is compared with them. */

/** An argument as the artifact describes it. */
export interface ArgumentFacts {
  readonly name: string;
  /** `other` is what the host cannot set: streams, pipes, local memory. */
  readonly kind: "buffer" | "scalar" | "other";
  readonly sizeBytes?: number;
  /** Memory banks it is wired to in a compute unit; absent where the artifact does not say. */
  readonly banksIn?: (computeUnit: string) => readonly number[];
}

export interface KernelFacts {
  readonly name: string;
  readonly arguments: readonly ArgumentFacts[];
  /** Absent where the artifact does not name them. */
  readonly computeUnits?: readonly string[];
}

/** The remedy for whatever is wrong in a manifest. */
export const CORRECT = "correct manifest.json, or register the artifact it was written for";
