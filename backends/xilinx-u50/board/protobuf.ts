/** As much of protobuf as XRT's messages to a device process need. */

export type Fields = ReadonlyMap<number, number | Uint8Array>;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * The fields of a message; of a repeated one, the last. Bytes are views of `message`.
 * @throws RangeError where the message ends too early or has an unknown wire type.
 */
export function readFields(message: Uint8Array): Fields {
  const fields = new Map<number, number | Uint8Array>();
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = view.getUint8(at++);
      // Exact up to 2^53: addresses and sizes of a device's memory.
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.byteLength) {
    const key = varint();
    const field = Math.floor(key / 8);
    switch (key % 8) {
      case VARINT:
        fields.set(field, varint());
        break;
      case BYTES: {
        const length = varint();
        if (at + length > message.byteLength) throw new RangeError(`field ${field} is cut off`);
        fields.set(field, message.subarray(at, at + length));
        at += length;
        break;
      }
      case FIXED64:
        fields.set(field, Number(view.getBigUint64(at, true)));
        at += 8;
        break;
      case FIXED32:
        fields.set(field, view.getUint32(at, true));
        at += 4;
        break;
      default:
        throw new RangeError(`field ${field} has wire type ${key % 8}`);
    }
  }
  return fields;
}

export function numberField(fields: Fields, field: number): number {
  const value = fields.get(field);
  return typeof value === "number" ? value : 0;
}

export function bytesField(fields: Fields, field: number): Uint8Array {
  const value = fields.get(field);
  return typeof value === "object" ? value : NOTHING;
}

export function textField(fields: Fields, field: number): string {
  return Buffer.from(bytesField(fields, field)).toString("utf8");
}

const NOTHING = new Uint8Array();

export function writeNumber(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varintBytes(field * 8 + VARINT), ...varintBytes(value)]);
}

/** Key and length only; the bytes themselves are to follow. */
export function writeBytesHeader(field: number, byteLength: number): Uint8Array {
  return Uint8Array.from([...varintBytes(field * 8 + BYTES), ...varintBytes(byteLength)]);
}

function varintBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}
