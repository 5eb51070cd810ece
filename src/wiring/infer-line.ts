/**
 * The straight line of an inference request, from decoded to queued. Each stage
 * is one call; whatever one of them throws becomes the client's status.
 */
import { type StatusError, toStatusError } from "../errors.ts";
import type { InferCall, InferRequest, ModelSignature, WireRequest } from "../inference/request.ts";
import type { RegionLookup } from "../inference/shared-regions.ts";
import { checkRequest, requireOneResponse } from "../inference/validate.ts";
import { type ClientWish, parseWish } from "../policy/routing/wish.ts";
import type { ServedModel } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";
import type { Admission } from "./admission.ts";
import { delivering } from "./delivering-call.ts";

export type Resolve = (model: string, version: string) => ServedModel<Served>;

/** A promise: something must be found out first; then it is asked again. */
export type Route = (wire: WireRequest, call: InferCall) => ServedModel<Served> | Promise<void>;

/** @throws StatusError where the one artifact of a model is not what the client insists on */
export type Require = (served: ServedModel<Served>, wish: ClientWish) => void;

/** A request ends here. @param signature of the model it was for, where that is known */
export type Refused = (
  wire: WireRequest,
  call: InferCall,
  error: StatusError,
  signature?: ModelSignature,
) => void;

export interface Surroundings {
  /** Memory shared with clients; undefined where that is switched off. */
  readonly regions?: RegionLookup | undefined;
  readonly require: Require;
  /** Whether a tenant may ask so much now; absent: nobody's share is limited. */
  readonly quotas?: Pick<Admission, "admit"> | undefined;
  /** Who counts what was refused; absent: nobody. */
  readonly refused?: Refused | undefined;
  /** Has another artifact compute some of the requests once more; absent: none. @returns the call to answer */
  readonly shadow?:
    | ((served: ServedModel<Served>, request: InferRequest, call: InferCall) => InferCall)
    | undefined;
}

export function inferLine(
  route: Route,
  surroundings: Surroundings,
): (wire: WireRequest, call: InferCall) => void {
  const line = (wire: WireRequest, call: InferCall): void => {
    let served: ServedModel<Served> | Promise<void>;
    try {
      served = route(wire, call);
    } catch (error) {
      refuse(wire, call, error, surroundings.refused);
      return;
    }
    if (served instanceof Promise) {
      served.then(
        () => call.cancelled || line(wire, call),
        (error: unknown) => refuse(wire, call, error, surroundings.refused),
      );
      return;
    }
    admit(served, wire, call, surroundings);
  };
  return line;
}

/** The line from the model on: also that of an ensemble's steps. */
export function admit(
  served: ServedModel<Served>,
  wire: WireRequest,
  caller: InferCall,
  { regions, require, quotas, refused, shadow }: Surroundings,
): void {
  const { definition, loaded } = served;
  let call = caller;
  try {
    if (call.manyResponses) call.found?.(definition.signature);
    else requireOneResponse(definition.signature);
    const request = checkRequest(wire, definition.signature, regions);
    if (loaded.honoursWishes !== true) {
      const wish = parseWish(wire.parameters, caller.headers);
      if (wish !== undefined) require(served, wish);
    }
    if (quotas !== undefined) call = quotas.admit(request, call);
    call = delivering(call, request, definition.labels);
    if (shadow !== undefined) call = shadow(served, request, call);
    loaded.submit(request, call);
  } catch (error) {
    refuse(wire, call, error, refused, definition.signature);
  }
}

function refuse(
  wire: WireRequest,
  call: InferCall,
  error: unknown,
  refused?: Refused,
  signature?: ModelSignature,
): void {
  const status = toStatusError(error);
  refused?.(wire, call, status, signature);
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
