/** An error in Triton's form, on a response of Node's own. */
import type { ServerResponse } from "node:http";
import type { StatusError } from "../errors.ts";
import { errorStatus, retryAfter } from "./status.ts";

export function sendJsonError(response: ServerResponse, error: StatusError, close: boolean): void {
  const body = Buffer.from(JSON.stringify({ error: error.message }), "utf8");
  const after = retryAfter(error);
  response.writeHead(errorStatus(error), [
    "Content-Type",
    "application/json",
    "Content-Length",
    String(body.length),
    ...(after === undefined ? [] : ["Retry-After", after]),
    ...(close ? ["Connection", "close"] : []),
  ]);
  response.end(body);
}
