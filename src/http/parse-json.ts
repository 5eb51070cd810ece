/**
 * JSON as Triton's clients write it: 64-bit integers keep every digit (as bigint, where a
 * number would not), and NaN and the infinities are numbers.
 */
import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import { StatusError } from "../errors.ts";

/** Stands in front of what JSON.parse cannot hold; no client can guess it. */
const MARK = randomBytes(12).toString("hex");
/** Integers below have fewer digits than the largest exact number. */
const EXACT_DIGITS = 16;
const LONG_INTEGER = /\d{16}/;
const NOT_JSON = /NaN|Inf/;
const WORD = /[-+.\w]+/y;
const COLON = /[ \t\r\n]*:/y;
/** Triton's limit. */
const DEEPEST = 100;
/** A text of this length is not looked through: it can't be deep enough to take memory. */
const DEEPEST_UNSEEN = 1024;
const [QUOTE, BACKSLASH, OPEN, CLOSE, OPEN_OBJECT, CLOSE_OBJECT] = [34, 92, 91, 93, 123, 125];
const REPLACEMENT = "\uFFFD";

/** @throws StatusError INTERNAL, as Triton has it, where the bytes are no JSON */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  if (text.length > DEEPEST_UNSEEN) requireShallow(text);
  try {
    // Rare, and a plain parse is many times as fast.
    if (LONG_INTEGER.test(text) || NOT_JSON.test(text)) return JSON.parse(marked(text), unmarked);
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw failed(reason.replaceAll(MARK, ""), cause);
  }
}

function decode(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString("utf8");
  if (text.includes(REPLACEMENT) && !isUtf8(buffer)) throw failed("Invalid encoding in string.");
  return text;
}

/** Before parsing: levels take a hundred times the memory of their brackets. */
function requireShallow(text: string): void {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === QUOTE) {
      for (i++; i < text.length; i++) {
        const within = text.charCodeAt(i);
        if (within === BACKSLASH) i++;
        else if (within === QUOTE) break;
      }
    } else if (character === OPEN || character === OPEN_OBJECT) {
      if (++depth > DEEPEST) {
        const reason = `JSON nesting depth exceeds maximum allowed limit (${DEEPEST})`;
        throw new StatusError("INVALID_ARGUMENT", reason);
      }
    } else if (character === CLOSE || character === CLOSE_OBJECT) depth--;
  }
}

/** The same document with every such word as a marked string. */
function marked(text: string): string {
  let out = "";
  let from = 0;
  for (let i = 0; i < text.length; ) {
    if (text[i] === '"') {
      i = endOfString(text, i);
      continue;
    }
    WORD.lastIndex = i;
    const word = WORD.exec(text)?.[0];
    if (word === undefined) {
      i++;
      continue;
    }
    // As a key it is no JSON, and must not become a string that is.
    if (isSpecial(word) && !isKey(text, i + word.length)) {
      out += `${text.slice(from, i)}"${MARK}${word}"`;
      from = i + word.length;
    }
    i += word.length;
  }
  return out + text.slice(from);
}

function isKey(text: string, end: number): boolean {
  COLON.lastIndex = end;
  return COLON.test(text);
}

function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const character = text[i];
    if (character === "\\") i++;
    else if (character === '"') return i + 1;
  }
  return text.length;
}

function isSpecial(word: string): boolean {
  return (
    /^-?(NaN|Inf(inity)?)$/.test(word) ||
    (word.length >= EXACT_DIGITS && /^-?(0|[1-9]\d*)$/.test(word))
  );
}

function unmarked(_key: string, value: unknown): unknown {
  if (typeof value !== "string" || !value.startsWith(MARK)) return value;
  const word = value.slice(MARK.length);
  if (word.endsWith("NaN")) return Number.NaN;
  if (word.includes("Inf")) return word.startsWith("-") ? -Infinity : Infinity;
  const exact = BigInt(word);
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

function failed(reason: string, cause?: unknown): StatusError {
  const text = `failed to parse the request JSON buffer: ${reason}`;
  return new StatusError("INTERNAL", text, { cause });
}
