/** A request's body as a JSON document. */
import { parseJson } from "./parse-json.ts";

/**
 * @param body as Fastify hands it over; undefined or empty: no body, which counts as `{}`.
 * @throws StatusError with Triton's text where it is no JSON
 */
export function readJsonBody(body: unknown): unknown {
  if (!Buffer.isBuffer(body) || body.length === 0) return {};
  return parseJson(body);
}
