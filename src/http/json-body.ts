/** A request's body as a JSON object, within Triton's limit of nesting. */
import { StatusError } from "../errors.ts";

const DEEPEST = 100;

/**
 * @param body undefined or empty: no body, which counts as `{}`.
 * @throws StatusError INVALID_ARGUMENT
 */
export function readJsonObject(body: unknown): Readonly<Record<string, unknown>> {
  if (body === undefined || body === null) return {};
  const text = Buffer.isBuffer(body) ? body.toString("utf8") : String(body);
  if (text.trim() === "") return {};
  requireShallow(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalid(`failed to parse the request JSON buffer: ${reason}`, cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("failed to parse the request JSON buffer: expected an object");
  }
  return value as Readonly<Record<string, unknown>>;
}

/** Before parsing, so that no parser has to survive it. */
function requireShallow(text: string): void {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (quoted) {
      if (character === "\\") i++;
      else if (character === '"') quoted = false;
    } else if (character === '"') {
      quoted = true;
    } else if (character === "[" || character === "{") {
      if (++depth > DEEPEST) {
        throw invalid(`request JSON is nested deeper than ${DEEPEST} levels`);
      }
    } else if (character === "]" || character === "}") {
      depth--;
    }
  }
}

function invalid(message: string, cause?: unknown): StatusError {
  return new StatusError("INVALID_ARGUMENT", message, { cause });
}
