/** Parameters in JSON as the gateway's own, with Triton's checks of the keys it knows. */
import { StatusError } from "../../errors.ts";
import type { Parameter, Parameters } from "../../inference/request.ts";
import { asBool, asString, asUint64, isInt64, isObject, jsonError } from "../json-value.ts";

export interface RequestParameters {
  /** undefined: none. */
  readonly parameters: Parameters | undefined;
  /** `binary_data_output`: outputs that the request does not list come as raw bytes. */
  readonly binaryByDefault: boolean;
}

const NONE: RequestParameters = { parameters: undefined, binaryByDefault: false };

/** @param value the member `parameters` of a request; undefined: there is none. */
export function readRequestParametersJson(value: unknown): RequestParameters {
  if (value === undefined) return NONE;
  if (!isObject(value)) {
    throw jsonError("failed to get request params.", "attempt to get members for non-object");
  }
  let binaryByDefault = false;
  const parameters = new Map<string, Parameter>();
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (key === "binary_data_output") binaryByDefault = asBool(member, where(key));
    else parameters.set(key, requestParameter(key, member));
  }
  return { parameters: parameters.size === 0 ? undefined : parameters, binaryByDefault };
}

function requestParameter(key: string, value: unknown): Parameter {
  switch (key) {
    case "sequence_id":
      if (typeof value !== "number" && typeof value !== "bigint") {
        return { type: "string", value: asString(value, where(key)) };
      }
      // A uint64 travels as the int64 of the same bits, as it does over gRPC.
      return { type: "int64", value: sameBits(asUint64(value, where(key))) };
    case "sequence_start":
    case "sequence_end":
      return { type: "bool", value: asBool(value, where(key)) };
    case "priority":
      return { type: "uint64", value: asUint64(value, where(key)) };
    case "timeout":
      return { type: "int64", value: asUint64(value, where(key)) };
    default:
      if (key.startsWith("triton_")) {
        throw new StatusError(
          "INVALID_ARGUMENT",
          "parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified.",
        );
      }
      return customParameter(key, value);
  }
}

/** A parameter that the protocol gives no meaning. */
export function customParameter(key: string, value: unknown): Parameter {
  if (typeof value === "string") return { type: "string", value };
  if (typeof value === "boolean") return { type: "bool", value };
  if (isInt64(value)) return { type: "int64", value };
  if (typeof value === "number" || typeof value === "bigint") {
    return { type: "double", value: Number(value) };
  }
  throw new StatusError(
    "INVALID_ARGUMENT",
    `parameter '${key}' has invalid type. It should be either 'int', 'bool', or 'string'.`,
  );
}

function sameBits(value: number | bigint): number | bigint {
  return typeof value === "number" ? value : BigInt.asIntN(64, value);
}

function where(key: string): string {
  return `Unable to parse '${key}'`;
}
