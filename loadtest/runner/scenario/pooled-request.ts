/** A payload as a request that is sent over and over. */
import { onePiece } from "../../../src/inference/pieces.ts";
import type { Parameters } from "../../../src/inference/request.ts";
import type { Payload } from "../../types.ts";
import type { PooledRequest } from "../plan.ts";

export function pooledRequest(
  { model, version }: { readonly model: string; readonly version: string },
  payload: Payload,
  parameters: Parameters | undefined,
): PooledRequest {
  return {
    request: {
      ...{ model, version, id: "", parameters, outputs: [] },
      inputs: payload.inputs.map(({ name, datatype, shape, data }) => ({
        ...{ name, datatype, shape, parameters: undefined },
        data: onePiece(data),
      })),
    },
    ...{ rows: payload.rows, identity: 0 },
  };
}
