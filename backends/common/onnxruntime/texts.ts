/** BYTES tensors to the strings that onnxruntime-node takes, and back. */
import { BackendError } from "../../contract.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * onnxruntime-node passes texts as UTF-8 that ends at the first NUL. What would
 * not arrive as it was sent is refused.
 * @throws BackendError `input` naming the tensor.
 */
export function decodeTexts(name: string, data: Uint8Array): string[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const texts: string[] = [];
  let at = 0;
  while (at < data.byteLength) {
    const start = at + 4;
    const end = start <= data.byteLength ? start + view.getUint32(at, true) : start;
    if (end > data.byteLength) throw refusal(name, texts.length, "is cut off");
    texts.push(decodeText(name, texts.length, data.subarray(start, end)));
    at = end;
  }
  return texts;
}

function decodeText(name: string, element: number, bytes: Uint8Array): string {
  if (bytes.includes(0)) {
    throw refusal(name, element, "contains a NUL byte, which this backend cannot pass on");
  }
  try {
    return decoder.decode(bytes);
  } catch {
    throw refusal(name, element, "is not valid UTF-8; this backend takes texts only");
  }
}

function refusal(name: string, element: number, what: string): BackendError {
  return new BackendError("input", `input "${name}": BYTES element ${element} ${what}`);
}

export function encodeTexts(texts: readonly string[]): Uint8Array {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const data = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + length, 0));
  let at = 0;
  for (const [i, text] of texts.entries()) {
    at = data.writeUInt32LE(lengths[i] ?? 0, at);
    at += data.write(text, at);
  }
  return data;
}
