/** The five bytes before every gRPC message: a flag (1 = compressed) and the length, big-endian. */

export const PREFIX_BYTES = 5;

/** A copy of the message with room for its prefix. */
export function withPrefixRoom(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/** Fills the room before an uncompressed message. @returns the same buffer. */
export function writePrefix(framed: Buffer): Buffer {
  framed[0] = 0;
  framed.writeUInt32BE(framed.length - PREFIX_BYTES, 1);
  return framed;
}

/** The prefix of a compressed message. */
export function compressedPrefix(lengthBytes: number): Buffer {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  prefix[0] = 1;
  prefix.writeUInt32BE(lengthBytes, 1);
  return prefix;
}
