/** What one run of `answers.ts` leaves for the comparison. */
import type { Datatype, Device, Tensor } from "../../backends/contract.ts";

export interface WrittenTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly base64: string;
}

export interface ModelAnswer {
  readonly model: string;
  readonly runMs: number;
  readonly outputs: readonly WrittenTensor[];
}

export interface Answers {
  readonly device: Device;
  /** Version of Node. */
  readonly node: string;
  readonly models: readonly ModelAnswer[];
}

export function written({ name, datatype, shape, data }: Tensor): WrittenTensor {
  return { name, datatype, shape, base64: Buffer.from(data).toString("base64") };
}
