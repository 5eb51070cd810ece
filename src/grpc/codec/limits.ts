/** How much structure one message may hold; far beyond any model, far below what hurts. */
import { StatusError } from "../../errors.ts";

export const MAX_TENSORS = 4096;
export const MAX_PARAMETERS = 4096;
export const MAX_RANK = 64;
/**
 * Fields of one message, unknown ones and those of nested messages counted, typed
 * tensor elements not: a message of nothing but empty fields must not hold the
 * event loop for seconds.
 */
export const MAX_FIELDS = 2 ** 18;
/** Bytes of one message, and of one tensor once its typed elements are raw: protobuf's own limit. */
export const MAX_BYTES = 2 ** 31 - 1;

export function tooMany(what: string, limit: number): StatusError {
  return new StatusError("INVALID_ARGUMENT", `the request has more than ${limit} ${what}`);
}
