/**
 * What an answer tells of where it comes from: response parameters `beamgate_…`, and once more all of them in one
 * header or trailer:
 *
 *     beamgate-origin: variant=u50; class=ap_fixed<16,6>; device=u50-0; emulated=false; batch_size=17; queue_us=130
 *
 * What is the same for every answer of an instance is one `Parameters` object, so that those who encode answers do
 * it once; the rest are numbers of the answer (`InferResponse.batchRows`, `queueUs`).
 */
import type { Parameters } from "./request.ts";

const PREFIX = "beamgate_";
/** Rows of the batch that the request was executed in. */
export const BATCH_SIZE = "beamgate_batch_size";
/** µs that the request waited for its batch. */
export const QUEUE_US = "beamgate_queue_us";

export const ORIGIN_HEADER = "beamgate-origin";

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

/** Of the header: what the answers of an instance share. Clients refuse headers of more than 8 kB (gRPC's default). */
const LONGEST_TEXT = 4096;
/** A header can carry it, and it ends no pair. */
const PLAIN = /^[!-:<-~]*$/;

/** The pairs of parameters whose names begin as ours do; what makes it too long is left out. */
export function originText(parameters: Parameters): string {
  let text = "";
  for (const [key, { value }] of parameters) {
    if (!key.startsWith(PREFIX)) continue;
    const given = String(value);
    const written = PLAIN.test(given) ? given : encodeURIComponent(Buffer.from(given).toString());
    const pair = `${text === "" ? "" : "; "}${key.slice(PREFIX.length)}=${written}`;
    if (text.length + pair.length <= LONGEST_TEXT) text += pair;
  }
  return text;
}

/** Before the numbers that an answer tells of itself. */
export const BATCH_PAIR = `; ${BATCH_SIZE.slice(PREFIX.length)}=`;
export const QUEUE_PAIR = `; ${QUEUE_US.slice(PREFIX.length)}=`;

/** What an answer tells of itself, in numbers or in what stands for them in a form. */
export interface OwnOrigin {
  readonly batchRows?: number | string | undefined;
  readonly queueUs?: number | string | undefined;
}

/** What comes behind it, of the answer itself. */
export function ownOriginText({ batchRows, queueUs }: OwnOrigin): string {
  const batch = batchRows === undefined ? "" : BATCH_PAIR + batchRows;
  return queueUs === undefined ? batch : batch + QUEUE_PAIR + queueUs;
}
