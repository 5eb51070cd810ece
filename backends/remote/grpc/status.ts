/** gRPC's status codes, and what stands for them where a call ends without one. */
import { constants } from "node:http2";

/** In the order of their numbers. */
const NAMES = [
  ...(["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED"] as const),
  ...(["NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"] as const),
  ...(["FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL"] as const),
  ...(["UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"] as const),
];
export type StatusName = (typeof NAMES)[number];

/** How a call failed. */
export class CallFailed extends Error {
  override readonly name = "CallFailed";
  readonly status: StatusName;

  constructor(status: StatusName, message: string) {
    super(message);
    this.status = status;
  }
}

export function statusName(code: string): StatusName {
  return (/^[0-9]{1,2}$/.test(code) && NAMES[Number(code)]) || "UNKNOWN";
}

/** Of an answer that is HTTP's alone: a proxy's. Source: gRPC's http-grpc-status-mapping.md. */
export function statusOfHttp(code: number): StatusName {
  if (code === 400) return "INTERNAL";
  if (code === 401) return "UNAUTHENTICATED";
  if (code === 403) return "PERMISSION_DENIED";
  if (code === 404) return "UNIMPLEMENTED";
  return [429, 502, 503, 504].includes(code) ? "UNAVAILABLE" : "UNKNOWN";
}

/**
 * Of a stream that was reset. Source: gRPC's PROTOCOL-HTTP2.md, "Errors"; but for CANCEL: Node resets
 * with it what was under way when the connection broke, and whoever cancels here says so otherwise.
 */
export function statusOfReset(code: number): StatusName {
  if (code === constants.NGHTTP2_REFUSED_STREAM) return "UNAVAILABLE";
  if (code === constants.NGHTTP2_CANCEL) return "UNAVAILABLE";
  if (code === constants.NGHTTP2_ENHANCE_YOUR_CALM) return "RESOURCE_EXHAUSTED";
  if (code === constants.NGHTTP2_INADEQUATE_SECURITY) return "PERMISSION_DENIED";
  return "INTERNAL";
}

/** `grpc-message`: percent-encoded UTF-8; what is none is shown as it came. */
export function statusText(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
