/** Elements of a tensor as text, for people who read a trace. */

/** Elements beyond these are left out, and three dots stand for them. */
const MOST = 100_000;

/** Little-endian elements, separated by commas; floats with six digits, as Triton prints them. */
export function tensorText(datatype: string, bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const element = READERS[datatype];
  if (datatype === "BYTES") return stringsText(bytes, view);
  // FP16 and BF16 are not told by Triton either.
  if (element === undefined) return "";
  const count = Math.floor(bytes.byteLength / element.size);
  const told = Math.min(count, MOST);
  const texts: string[] = [];
  for (let i = 0; i < told; i++) texts.push(element.read(view, i * element.size));
  return texts.join(",") + (told < count ? ",..." : "");
}

interface Reader {
  readonly size: number;
  read(view: DataView, at: number): string;
}

const reader = (size: number, read: Reader["read"]): Reader => ({ size, read });
const digits = (value: number) => String(Number(value.toPrecision(6)));

const READERS: Readonly<Record<string, Reader>> = {
  BOOL: reader(1, (view, at) => (view.getUint8(at) === 0 ? "0" : "1")),
  UINT8: reader(1, (view, at) => String(view.getUint8(at))),
  UINT16: reader(2, (view, at) => String(view.getUint16(at, true))),
  UINT32: reader(4, (view, at) => String(view.getUint32(at, true))),
  UINT64: reader(8, (view, at) => String(view.getBigUint64(at, true))),
  INT8: reader(1, (view, at) => String(view.getInt8(at))),
  INT16: reader(2, (view, at) => String(view.getInt16(at, true))),
  INT32: reader(4, (view, at) => String(view.getInt32(at, true))),
  INT64: reader(8, (view, at) => String(view.getBigInt64(at, true))),
  FP32: reader(4, (view, at) => digits(view.getFloat32(at, true))),
  FP64: reader(8, (view, at) => digits(view.getFloat64(at, true))),
};

function stringsText(bytes: Uint8Array, view: DataView): string {
  const texts: string[] = [];
  for (let at = 0; at + 4 <= bytes.byteLength; ) {
    if (texts.length === MOST) return `${texts.join(",")},...`;
    const length = view.getUint32(at, true);
    texts.push(JSON.stringify(Buffer.from(bytes.subarray(at + 4, at + 4 + length)).toString()));
    at += 4 + length;
  }
  return texts.join(",");
}
