/** An error in Triton's form, on a response of Node's own. */
import type { ServerResponse } from "node:http";
import type { StatusError } from "../errors.ts";
import { httpStatus } from "./status.ts";

export function sendJsonError(response: ServerResponse, error: StatusError, close: boolean): void {
  const body = Buffer.from(JSON.stringify({ error: error.message }), "utf8");
  response.writeHead(httpStatus(error.code), [
    "Content-Type",
    "application/json",
    "Content-Length",
    String(body.length),
    ...(close ? ["Connection", "close"] : []),
  ]);
  response.end(body);
}
