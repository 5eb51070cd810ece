/** Errors to gRPC statuses and back: the one place of this room that knows the numbers. */
import { Code, type CodeName, StatusError } from "../errors.ts";

export interface WireStatus {
  readonly code: number;
  readonly details: string;
}

const NAMES = new Map<number, CodeName>(
  (Object.entries(Code) as [CodeName, number][]).map(([name, code]) => [code, name]),
);

/**
 * What a handler gave as its error, as the status that goes out. A `StatusError`
 * keeps its code; so does anything with a numeric `code` (grpc-js' form);
 * everything else is a mistake of ours and becomes `fallback`.
 */
export function toWireStatus(thrown: unknown, fallback: CodeName = "UNKNOWN"): WireStatus {
  if (thrown instanceof StatusError) return { code: Code[thrown.code], details: thrown.message };
  if (typeof thrown !== "object" || thrown === null) {
    return { code: Code[fallback], details: String(thrown) };
  }
  const { code, details, message } = thrown as Record<"code" | "details" | "message", unknown>;
  return {
    code: typeof code === "number" && NAMES.has(code) && code !== Code.OK ? code : Code[fallback],
    details:
      typeof details === "string"
        ? details
        : typeof message === "string"
          ? message
          : "Unknown Error",
  };
}

/** A status that came from another server. A number nobody defined is UNKNOWN. */
export function fromWireStatus(code: number, details: string): StatusError {
  return new StatusError(NAMES.get(code) ?? "UNKNOWN", details);
}
