/** The header in which an answer tells how loaded the gateway is, for who asks with `endpoint-load-metrics-format`. */
import type { InferResponse } from "../../inference/request.ts";

/** Value of the header; undefined for a format that there is not. */
export type LoadHeader = (format: string, model: string, version: string) => string | undefined;

export const LOAD = "endpoint-load-metrics";
const ASKED = "endpoint-load-metrics-format";

/** undefined: nobody asked, or nobody can tell. */
export function loadHeader(
  headers: Readonly<Record<string, unknown>>,
  { model, version }: Pick<InferResponse, "model" | "version">,
  load: LoadHeader | undefined,
): string | undefined {
  const format = headers[ASKED];
  return typeof format === "string" ? load?.(format, model, version) : undefined;
}
