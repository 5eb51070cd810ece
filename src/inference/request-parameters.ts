/** The parameters beside a request: which types each key takes, and what is read from them. */
import { StatusError } from "../errors.ts";
import type { Parameter, Parameters, SequenceMark } from "./request.ts";

export interface RequestSettings {
  /** 0 = the model's default level. */
  readonly priority: number;
  /** µs; 0 = none. */
  readonly timeoutUs: number;
  readonly reproducible: boolean;
  /** undefined: it belongs to none (an id of 0 or "" says so too). */
  readonly sequence: SequenceMark | undefined;
  /** Those that nobody here knows; undefined: none. */
  readonly custom: Parameters | undefined;
}

const DEFAULTS: RequestSettings = {
  priority: 0,
  timeoutUs: 0,
  reproducible: false,
  sequence: undefined,
  custom: undefined,
};

const RESERVED = "triton_";
/** The only key of Triton's own name space that a client may send. */
const EMPTY_FINAL_RESPONSE = "triton_enable_empty_final_response";

/** Fields of InferParameter that a key may use. */
const EXPECTED: ReadonlyMap<string, string> = new Map([
  ["sequence_id", "int64_param or string_param"],
  ["sequence_start", "bool_param"],
  ["sequence_end", "bool_param"],
  ["priority", "int64_param or uint64_param"],
  ["timeout", "int64_param"],
  ["reproducible", "bool_param"],
  [EMPTY_FINAL_RESPONSE, "bool_param"],
]);
/** For every other key; doubles are taken too, whatever Triton's text says. */
const CUSTOM = "int64_param, bool_param, or string_param";

/** @throws StatusError INVALID_ARGUMENT with Triton's text, for the first parameter that is wrong */
export function readRequestParameters(parameters: Parameters | undefined): RequestSettings {
  if (parameters === undefined) return DEFAULTS;
  let { priority, timeoutUs, reproducible } = DEFAULTS;
  let id: bigint | string = 0n;
  let start = false;
  let end = false;
  let custom: Map<string, Parameter> | undefined;
  for (const [key, parameter] of parameters) {
    switch (key) {
      case "sequence_id":
        id = readSequenceId(parameter);
        break;
      case "sequence_start":
        start = readBool(key, parameter);
        break;
      case "sequence_end":
        end = readBool(key, parameter);
        break;
      case EMPTY_FINAL_RESPONSE:
        readBool(key, parameter);
        break;
      case "priority":
        priority = readPriority(parameter);
        break;
      case "timeout":
        timeoutUs = readTimeout(parameter);
        break;
      case "reproducible":
        // Ours, not Triton's; a value of another type must not be ignored silently.
        reproducible = readBool(key, parameter);
        break;
      default:
        if (key.startsWith(RESERVED) || parameter.type === "uint64") throw wrongType(key);
        custom ??= new Map();
        custom.set(key, parameter);
    }
  }
  const sequence = id === 0n || id === "" ? undefined : { id, start, end };
  return { priority, timeoutUs, reproducible, sequence, custom };
}

/** What a request is told of which a parameter carries no value at all. */
export function valueMissing(key: string): StatusError {
  return wrongType(key);
}

function readBool(key: string, parameter: Parameter): boolean {
  if (parameter.type !== "bool") throw wrongType(key);
  return parameter.value;
}

/** Clients send a uint64 as the int64 of the same bits. */
function readSequenceId(parameter: Parameter): bigint | string {
  if (parameter.type === "string") return parameter.value;
  if (parameter.type !== "int64") throw wrongType("sequence_id");
  return BigInt.asUintN(64, BigInt(parameter.value));
}

function readPriority(parameter: Parameter): number {
  if (parameter.type !== "int64" && parameter.type !== "uint64") {
    throw wrongType("priority");
  }
  if (parameter.value < 0) {
    throw new StatusError("INVALID_ARGUMENT", "invalid value for 'priority', expected value >= 0.");
  }
  return Number(parameter.value);
}

function readTimeout(parameter: Parameter): number {
  if (parameter.type !== "int64") throw wrongType("timeout");
  // Triton reads a negative one as unsigned: longer than any default, so it never counts.
  return parameter.value < 0 ? 0 : Number(parameter.value);
}

function wrongType(key: string): StatusError {
  const expected = EXPECTED.get(key);
  const text =
    expected === undefined && key.startsWith(RESERVED)
      ? `parameter keys starting with 'triton_' are reserved for Triton usage. Only the following keys starting with 'triton_' are allowed: ${EMPTY_FINAL_RESPONSE}`
      : `invalid value type for '${key}' parameter, expected ${expected ?? CUSTOM}.`;
  return new StatusError("INVALID_ARGUMENT", text);
}
