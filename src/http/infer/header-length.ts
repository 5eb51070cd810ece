/**
 * Where in a body the JSON ends and the raw tensors begin: `Inference-Header-Content-Length`,
 * with Triton's texts for lengths that are none. Triton reads them with C's `stoi`.
 */
import { StatusError } from "../../errors.ts";

const HEADER = "Inference-Header-Content-Length";
const SMALLEST = -(2 ** 31);
const LARGEST = 2 ** 31 - 1;

/** @returns undefined where the header is missing: all of the body is JSON. */
export function readHeaderLength(text: string | undefined): number | undefined {
  return text === undefined ? undefined : readInt32(HEADER, text);
}

/** @param text of a `Content-Length`, which Node has checked to be a number */
export function readContentLength(text: string | undefined): number | undefined {
  return text === undefined ? undefined : readInt32("Content-Length", text);
}

/** @throws StatusError INVALID_ARGUMENT where the JSON would begin before, or end behind, the body */
export function requireWithin(headerLength: number, bodyLength: number, text: string): void {
  if (headerLength >= 0 && headerLength <= bodyLength) return;
  throw invalid(`inference header size should be in range (0, ${bodyLength}), got: ${text}`);
}

function readInt32(header: string, text: string): number {
  const digits = /^\s*([+-]?\d+)/.exec(text)?.[1];
  if (digits === undefined) throw invalid(`Unable to parse ${header}, got: ${text}`);
  const value = Number(digits);
  if (value < SMALLEST || value > LARGEST) {
    throw invalid(
      `Unable to parse ${header}, value is out of range [ ${SMALLEST}, ${LARGEST} ], got: ${text}`,
    );
  }
  return value;
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}
