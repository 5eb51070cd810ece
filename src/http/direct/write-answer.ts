/** An answer as HTTP/1.1, with the headers that Node would give it. */
import { LOAD } from "../infer/endpoint-load.ts";
import { ORIGIN } from "../infer/response-parameters.ts";
import { errorStatus, retryAfter } from "../status.ts";
import type { DirectAnswer } from "./direct-call.ts";

export interface AnswerSetting {
  /** What the client is told about the connection: whole header lines. */
  readonly connection: string;
  /** `Date`'s value. */
  readonly date: string;
}

/** From here on head and body are sent as they are, instead of being copied together. */
const WORTH_TWO_PIECES = 16 * 1024;
const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  404: "Not Found",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
};

/** Adds the pieces to `pieces`. @returns how many bytes they have */
export function writeAnswer(
  answer: DirectAnswer,
  { connection, date }: AnswerSetting,
  pieces: Buffer[],
): number {
  const { line, type, more, body } = partsOf(answer);
  const head = `${line}${type}\r\n${more}Content-Length: ${body.length}\r\nDate: ${date}\r\n${connection}\r\n`;
  if (body.length >= WORTH_TWO_PIECES) {
    pieces.push(Buffer.from(head, "latin1"), body);
  } else {
    const whole = Buffer.allocUnsafe(head.length + body.length);
    whole.write(head, 0, "latin1");
    whole.set(body, head.length);
    pieces.push(whole);
  }
  return head.length + body.length;
}

const lineOf = (name: string, value: string | undefined) =>
  value === undefined ? "" : `${name}: ${value}\r\n`;

function partsOf(answer: DirectAnswer) {
  if (answer.status === 200) {
    const { body, jsonBytes } = answer.written;
    const type =
      jsonBytes === undefined
        ? "application/json"
        : `application/octet-stream\r\nInference-Header-Content-Length: ${jsonBytes}`;
    return {
      line: "HTTP/1.1 200 OK\r\nContent-Type: ",
      type,
      more: lineOf(ORIGIN, answer.origin) + lineOf(LOAD, answer.load),
      body,
    };
  }
  const status = errorStatus(answer.error);
  const after = retryAfter(answer.error);
  return {
    line: `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\nContent-Type: `,
    type: "application/json",
    more: after === undefined ? "" : `Retry-After: ${after}\r\n`,
    body: Buffer.from(JSON.stringify({ error: answer.error.message }), "utf8"),
  };
}
