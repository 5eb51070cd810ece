/**
 * JSON as a string of bytes: every character stands for one byte of the UTF-8 text. So bytes of
 * a BYTES tensor go out as they are, whatever encoding they are in, and one write sends it all.
 */

/** A JSON string from ordinary text. */
export function quoted(text: string): string {
  return bytesOf(JSON.stringify(text));
}

/** Any JSON value. */
export function jsonBytes(value: unknown): string {
  return bytesOf(JSON.stringify(value));
}

/** A JSON string from bytes that should be UTF-8. */
export function quotedBytes(bytes: Buffer): string {
  return JSON.stringify(bytes.toString("latin1"));
}

function bytesOf(json: string): string {
  for (let i = 0; i < json.length; i++) {
    if (json.charCodeAt(i) > 0x7f) return Buffer.from(json, "utf8").toString("latin1");
  }
  return json;
}
