/**
 * What an answer tells of where it comes from: response parameters `beamgate_…`, which are also headers and
 * trailers `beamgate-…`. What is the same for every answer of an instance is one `Parameters` object, so that
 * those who encode answers do it once; the rest are numbers of the answer (`InferResponse.batchRows`, `queueUs`).
 */

/** Rows of the batch that the request was executed in. */
export const BATCH_SIZE = "beamgate_batch_size";
/** µs that the request waited for its batch. */
export const QUEUE_US = "beamgate_queue_us";

/** µs between two stamps of a timeline. */
export function waitedUs({
  queued,
  dispatched,
}: {
  readonly queued: number;
  readonly dispatched: number;
}): number {
  return dispatched > queued ? Math.round((dispatched - queued) * 1000) : 0;
}

/** `beamgate_batch_size` → `beamgate-batch-size` */
export const headerName = (parameter: string): string => parameter.replaceAll("_", "-");

/** Longer values are parameters only: clients refuse headers of more than 8 kB in all (gRPC's default). */
const LONGEST_HEADER = 1024;
const PLAIN = /^[!-~](?:[ -~]*[!-~])?$/;

/** A value as a header, percent-encoded where a header could not carry it; undefined: too long for one. */
export function headerValue(value: boolean | number | bigint | string): string | undefined {
  const text = String(value);
  if (text.length > LONGEST_HEADER) return undefined;
  return PLAIN.test(text) || text === "" ? text : encodeURIComponent(Buffer.from(text).toString());
}
