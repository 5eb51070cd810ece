/** What of our errors goes over HTTP: Triton's status numbers, and never more than the sentence. */
import type { CodeName } from "../errors.ts";

/** Triton's table, in which four codes have a number of their own and everything else is 400; it has no ABORTED. */
export function httpStatus(code: CodeName): number {
  switch (code) {
    case "NOT_FOUND":
      return 404;
    case "ABORTED":
      return 409;
    case "INTERNAL":
      return 500;
    case "UNIMPLEMENTED":
      return 501;
    case "UNAVAILABLE":
      return 503;
    default:
      return 400;
  }
}
