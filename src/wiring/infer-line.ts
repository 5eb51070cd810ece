/**
 * The straight line of an inference request, from decoded to queued. Each stage
 * is one call; whatever one of them throws becomes the client's status.
 */
import { toStatusError } from "../errors.ts";
import type { InferCall, WireRequest } from "../inference/request.ts";
import type { RegionLookup } from "../inference/shared-regions.ts";
import { checkRequest, requireOneResponse } from "../inference/validate.ts";
import type { ServedModel } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";
import { delivering } from "./delivering-call.ts";

export type Resolve = (model: string, version: string) => ServedModel<Served>;

/** @param regions memory shared with clients; undefined where that is switched off */
export function inferLine(
  resolve: Resolve,
  regions?: RegionLookup,
): (wire: WireRequest, call: InferCall) => void {
  return (wire, call) => {
    let served: ServedModel<Served>;
    try {
      served = resolve(wire.model, wire.version);
    } catch (error) {
      refuse(call, error);
      return;
    }
    admit(served, wire, call, regions);
  };
}

/** The line from the model on: also that of an ensemble's steps. */
export function admit(
  { definition, loaded }: ServedModel<Served>,
  wire: WireRequest,
  caller: InferCall,
  regions?: RegionLookup,
): void {
  let call = caller;
  try {
    if (call.manyResponses) call.found?.(definition.signature);
    else requireOneResponse(definition.signature);
    const request = checkRequest(wire, definition.signature, regions);
    call = delivering(caller, request, definition.labels);
    loaded.submit(request, call);
  } catch (error) {
    refuse(call, error);
  }
}

function refuse(call: InferCall, error: unknown): void {
  const status = toStatusError(error);
  call.fail(status);
  call.story?.failed(`${status.code}: ${status.message}`);
}

/** Rows that requests for a model may be bundled to; 0 where it is not there. */
export function bundleRowsOf(resolve: Resolve): (model: string, version: string) => number {
  return (model, version) => {
    try {
      return resolve(model, version).loaded.bundleRows ?? 0;
    } catch {
      return 0; // whoever asks for it is told why, one by one
    }
  };
}
