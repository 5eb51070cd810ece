/** Which format a file may have, by its first bytes. Its name is not asked: names lie. */
import { open } from "node:fs/promises";

const HEAD_BYTES = 4096;
const GBS_GUID = "58656f6e46504741b747425376303031";
/** Tags of fields 1 to 8, 14, 20 and 25 of ONNX' ModelProto with the wire types they have. */
const ONNX_TAGS: readonly number[] = [
  0x08, 0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72, 0xa2, 0xca,
];
/** Field 1 of XIR's Graph, its name. */
const XIR_TAG = 0x0a;
/** What archives of other tools begin with, for a helpful answer. */
const ARCHIVES: readonly [name: string, at: number, hex: string][] = [
  ["tar", 257, "7573746172"],
  ["gzip", 0, "1f8b"],
  ["7z", 0, "377abcaf271c"],
  ["xz", 0, "fd377a585a00"],
  ["zstd", 0, "28b52ffd"],
  ["bzip2", 0, "425a68"],
];

/** `format` as a reader is asked for it; `what` in words where it is nothing that is registered. */
export type Recognised = { readonly format: string } | { readonly what: string };

export async function recognise(path: string): Promise<Recognised> {
  return recogniseHead(await readHead(path));
}

export function recogniseHead(head: Buffer): Recognised {
  if (head.length === 0) return { what: "an empty file" };
  if (head.toString("latin1", 0, 8) === "xclbin2\0") return { format: "xclbin" };
  if (head.toString("latin1", 0, 4) === "\u007fELF") return { format: "aocr" };
  if (head.toString("hex", 0, 16) === GBS_GUID) return { format: "gbs" };
  if (["PK\u0003\u0004", "PK\u0005\u0006"].includes(head.toString("latin1", 0, 4))) {
    return { format: "bundle" };
  }
  for (const [name, at, hex] of ARCHIVES) {
    if (head.toString("hex", at, at + hex.length / 2) === hex) return { what: `a ${name} archive` };
  }
  const first = head[0] ?? 0;
  if (looksLikeText(head)) return { format: "cl" };
  if (first === XIR_TAG) return { format: "xmodel" };
  if (ONNX_TAGS.includes(first)) return { format: "onnx" };
  return { what: `an unknown format that begins with ${head.toString("hex", 0, 8)}` };
}

/** A protobuf message has control characters among its first bytes; a source has none. */
function looksLikeText(head: Buffer): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return !/[\u0000-\u0008\u000b\u000e-\u001f\u007f]/.test(head.toString("latin1"));
}

async function readHead(path: string): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
