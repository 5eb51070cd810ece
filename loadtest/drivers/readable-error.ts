/** What a failed call says, for people. */
const CODES = [
  ...["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"],
  ...["ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"],
  ...["ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"],
  "UNAUTHENTICATED",
];

/** `grpc-status 14: text%20of it` as `UNAVAILABLE: text of it`. */
export function readableError(reason: string): string {
  const [, code, text = ""] = /^grpc-status (\d+): (.*)$/s.exec(reason) ?? [];
  if (code === undefined) return reason;
  let words = text;
  try {
    words = decodeURIComponent(text);
  } catch {
    // a server that does not encode what it says
  }
  return `${CODES[Number(code)] ?? `status ${code}`}: ${words}`;
}
