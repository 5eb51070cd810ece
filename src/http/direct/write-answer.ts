/** An answer as HTTP/1.1, with the headers that Node would give it. */
import type { StatusError } from "../../errors.ts";
import { LOAD } from "../infer/endpoint-load.ts";
import { ORIGIN } from "../infer/response-parameters.ts";
import type { WrittenResponse } from "../infer/write-response.ts";
import { jsonBytes } from "../json-text.ts";
import { errorStatus, retryAfter } from "../status.ts";

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  404: "Not Found",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
};

export interface WrittenAnswer {
  readonly written: WrittenResponse;
  /** See `originHeader`. */
  readonly origin: string | undefined;
  /** See `loadHeader`. */
  readonly load: string | undefined;
}

interface Head {
  /** Where raw outputs follow the JSON. */
  readonly jsonBytes: number | string | undefined;
  readonly origin: string | undefined;
  readonly load: string | undefined;
  readonly bodyBytes: number | string;
  /** The last header lines. */
  readonly tail: string;
}

/** Of an answer that is no error; numbers may be what stands for them. */
export function headOf({ jsonBytes, origin, load, bodyBytes, tail }: Head): string {
  const type =
    jsonBytes === undefined
      ? "application/json"
      : `application/octet-stream\r\nInference-Header-Content-Length: ${jsonBytes}`;
  const more = lineOf(ORIGIN, origin) + lineOf(LOAD, load);
  return `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n${more}Content-Length: ${bodyBytes}\r\n${tail}\r\n`;
}

const lineOf = (name: string, value: string | undefined) =>
  value === undefined ? "" : `${name}: ${value}\r\n`;

/** A character for each byte; `written.rest` comes behind it. @param tail the last header lines */
export function textOf({ written, origin, load }: WrittenAnswer, tail: string): string {
  const { text, rest, jsonBytes } = written;
  return headOf({ jsonBytes, origin, load, bodyBytes: text.length + rest.length, tail }) + text;
}

/** A character for each byte. @param tail the last header lines */
export function errorText(error: StatusError, tail: string): string {
  const status = errorStatus(error);
  const after = retryAfter(error);
  const more = after === undefined ? "" : `Retry-After: ${after}\r\n`;
  const body = jsonBytes({ error: error.message });
  return `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\nContent-Type: application/json\r\n${more}Content-Length: ${body.length}\r\n${tail}\r\n${body}`;
}
