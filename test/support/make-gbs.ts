/** Small green bitstreams for tests. */
import { Buffer } from "node:buffer";

const GUID = "58656f6e46504741b747425376303031";

export function makeGbs(metadata: unknown, image: string): Buffer {
  const json = Buffer.from(JSON.stringify(metadata));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([Buffer.from(GUID, "hex"), length, json, Buffer.from(image)]);
}
