/**
 * The straight line of an inference request, from decoded to queued. Each stage
 * is one call; whatever one of them throws becomes the client's status.
 */
import { toStatusError } from "../errors.ts";
import type { InferCall, WireRequest } from "../inference/request.ts";
import { checkRequest, requireOneResponse } from "../inference/validate.ts";
import type { ServedModel } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";

type Resolve = (model: string, version: string) => ServedModel<Served>;

export function inferLine(resolve: Resolve): (wire: WireRequest, call: InferCall) => void {
  return (wire, call) => {
    try {
      const { definition, loaded } = resolve(wire.model, wire.version);
      if (call.manyResponses) call.found?.(definition.signature);
      else requireOneResponse(definition.signature);
      const request = checkRequest(wire, definition.signature);
      loaded.submit(request, call);
    } catch (error) {
      call.fail(toStatusError(error));
    }
  };
}
