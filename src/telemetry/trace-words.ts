/**
 * Trace settings as the two protocols carry them: lists of strings under Triton's
 * keys. Texts of errors are Triton's (grpc_server.cc); keys it does not know it ignores.
 */
import { StatusError } from "../errors.ts";
import type { TraceChange, TraceLevel, TraceValues } from "./trace-settings.ts";

/** By key; an empty list clears. */
export type TraceWords = ReadonlyMap<string, readonly string[]>;

const INT32_MAX = 2 ** 31 - 1;
const UINT32_MAX = 2 ** 32 - 1;

/** @throws StatusError for what can not be read, and for the place of the file */
export function readTraceWords(words: TraceWords): TraceChange {
  if (words.has("trace_file")) {
    const text = "trace file location can not be updated through network protocol";
    throw new StatusError("UNIMPLEMENTED", text);
  }
  return {
    ...levelOf(words.get("trace_level")),
    ...numberOf("rate", "trace_rate", words, 0, UINT32_MAX),
    ...numberOf("count", "trace_count", words, -1, INT32_MAX),
    ...numberOf("logFrequency", "log_frequency", words, 0, UINT32_MAX),
  };
}

export function traceWords(
  { level, rate, logFrequency }: TraceValues,
  /** Traces still to be taken. */
  left: number,
): Map<string, readonly string[]> {
  return new Map<string, readonly string[]>([
    ["trace_level", level.length === 0 ? ["OFF"] : level],
    ["trace_rate", [String(rate)]],
    ["trace_count", [String(left)]],
    ["log_frequency", [String(logFrequency)]],
  ]);
}

function levelOf(written: readonly string[] | undefined): Pick<TraceChange, "level"> {
  if (written === undefined) return {};
  if (written.length === 0) return { level: undefined };
  if (written.includes("OFF")) {
    if (written.length === 1) return { level: [] };
    throw invalid("Expect only one trace level 'OFF' is specified");
  }
  const known = (["TIMESTAMPS", "TENSORS"] satisfies TraceLevel[]).filter((level) =>
    written.includes(level),
  );
  return known.length === 0 ? {} : { level: known };
}

function numberOf(
  name: "rate" | "count" | "logFrequency",
  key: string,
  words: TraceWords,
  least: number,
  most: number,
): TraceChange {
  const written = words.get(key);
  if (written === undefined) return {};
  if (written.length === 0) return { [name]: undefined };
  if (written.length > 1) throw invalid(`expect only 1 value for '${key}'`);
  const [text = ""] = written;
  // As C++'s stoi: leading blanks and a sign, and whatever follows the digits is ignored.
  const digits = /^\s*([+-]?\d+)/.exec(text)?.[1];
  if (digits === undefined) throw invalid(`Unable to parse '${key}', got: ${text}`);
  const value = Number(digits);
  if (value > INT32_MAX || value < -INT32_MAX - 1 || (least === 0 && value < 0)) {
    const range = `[ ${least}, ${most} ]`;
    throw invalid(`Unable to parse '${key}', value is out of range ${range}, got: ${text}`);
  }
  if (value < least) {
    throw invalid(`Unable to parse '${key}'. Expecting value >= ${least}, got: ${text}`);
  }
  return { [name]: value };
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}
