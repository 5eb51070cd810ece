/** The inputs that no client sends, made for a batch once it is known who is in it. */
import { batchInput } from "./batch-inputs.ts";
import { controlInput } from "./control-inputs.ts";
import type { MadeInput, MadeTensor } from "./made-inputs.ts";
import type { InferRequest } from "./request.ts";

export function makeInput(made: MadeInput, requests: readonly InferRequest[]): MadeTensor {
  switch (made.from) {
    case "batch":
      return batchInput(
        made,
        requests.map((request) => sourceShape(request, made.source)),
      );
    case "sequence":
      return controlInput(made, requests);
  }
}

function sourceShape({ inputs }: InferRequest, source: number): readonly number[] {
  const input = inputs.find(({ index }) => index === source);
  if (input === undefined) throw new RangeError(`a request without input ${source}`);
  return input.shape;
}
