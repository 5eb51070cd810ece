/** Reading what the clGet…Info calls tell. */

type Ask = (
  size: number | bigint,
  into: Uint8Array | null,
  sizeOf: BigUint64Array | null,
) => number;

/** @returns the bytes of the answer, or undefined where the library has none */
export function askBytes(ask: Ask): Buffer | undefined {
  const size = new BigUint64Array(1);
  if (ask(0, null, size) !== 0) return undefined;
  const bytes = Buffer.alloc(Number(size[0]));
  if (bytes.length > 0 && ask(bytes.length, bytes, null) !== 0) return undefined;
  return bytes;
}

/** @returns the text without its closing NULs; empty where the library has none */
export function askText(ask: Ask): string {
  return (askBytes(ask)?.toString("utf8") ?? "").replace(/\0+$/, "").trim();
}

export function askUint64(ask: Ask): bigint | undefined {
  const bytes = askBytes(ask);
  return bytes !== undefined && bytes.length >= 8 ? bytes.readBigUInt64LE(0) : undefined;
}
