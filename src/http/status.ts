/** What of our errors goes over HTTP: Triton's status numbers, and never more than the sentence. */
import type { CodeName, StatusError } from "../errors.ts";

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

/** Its status; what is over a quota, and knows when to come again, is 429: proxies and clients wait then. */
export function errorStatus({ code, retryMs }: StatusError): number {
  return code === "RESOURCE_EXHAUSTED" && retryMs !== undefined ? 429 : httpStatus(code);
}

/** Value of `Retry-After`, in whole seconds as HTTP has it; undefined: there is nothing to tell. */
export function retryAfter({ retryMs = -1 }: StatusError): string | undefined {
  return retryMs < 0 ? undefined : String(Math.max(1, Math.ceil(retryMs / 1000)));
}
