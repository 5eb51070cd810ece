import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyType } from "../../../test/support/reference-cast.ts";
import type { FixedDatatype, FixedPointType, ManifestTensor } from "../../contract.ts";
import { quantizerOf, restorerOf } from "./convert.ts";
import { layoutOf } from "./layout.ts";
import { quantize, restore } from "./rows.ts";
import { fromBfloat, halves, toBfloat, toHalf } from "./small-floats.ts";
import { rangeOf, storageBitsOf } from "./type.ts";

const encoding: FixedPointType = { w: 10, i: 4, signed: true, q: "RND", o: "SAT" };
const tensor = (rest: Partial<ManifestTensor> = {}): ManifestTensor => ({
  name: "jet",
  datatype: "FP32",
  shape: [3],
  encoding,
  ...rest,
});

/** The same bytes at an odd address. */
function moved(bytes: Uint8Array): Uint8Array {
  const room = new Uint8Array(bytes.byteLength + 1);
  room.set(bytes, 1);
  return room.subarray(1);
}

function writeFloat(view: DataView, at: number, datatype: FixedDatatype, x: number): number {
  if (datatype === "FP64") view.setFloat64(at, x, true);
  else if (datatype === "FP32") view.setFloat32(at, x, true);
  else view.setUint16(at, datatype === "FP16" ? toHalf(x) : toBfloat(x), true);
  return readFloat(view, at, datatype);
}

function readFloat(view: DataView, at: number, datatype: FixedDatatype): number {
  if (datatype === "FP64") return view.getFloat64(at, true);
  if (datatype === "FP32") return view.getFloat32(at, true);
  const bits = view.getUint16(at, true);
  return datatype === "FP16" ? (halves()[bits] as number) : fromBfloat(bits);
}

function readWord(view: DataView, at: number, bits: number): bigint {
  if (bits === 64) return view.getBigInt64(at, true);
  if (bits === 32) return BigInt(view.getInt32(at, true));
  return BigInt(bits === 16 ? view.getInt16(at, true) : view.getInt8(at));
}

const BYTES = { FP64: 8, FP32: 4, FP16: 2, BF16: 2 } as const;

describe("rows of floats", () => {
  it("are quantised element by element, at any address, and nothing else is written", () => {
    const cases = fc.record({
      datatype: fc.constantFrom("FP64", "FP32", "FP16", "BF16"),
      type: anyType,
      padding: fc.integer({ min: 0, max: 3 }),
      rows: fc.array(fc.tuple(...Array(3).fill(fc.double({ min: -1e4, max: 1e4, noNaN: true }))), {
        maxLength: 4,
      }),
      odd: fc.boolean(),
    });
    fc.assert(
      fc.property(cases, ({ datatype, type, padding, rows, odd }) => {
        const bits = storageBitsOf(type);
        const rowBytes = ((3 + padding) * bits) / 8;
        const layout = layoutOf(tensor({ datatype, encoding: type, rowBytes }));
        const place = odd ? moved : (bytes: Uint8Array) => bytes;
        const client = place(new Uint8Array(rows.length * layout.clientRowBytes));
        const board = place(new Uint8Array(rows.length * rowBytes).fill(0xa5));
        const clientView = new DataView(client.buffer, client.byteOffset);
        const values = rows.flat().map((x, n) => {
          return writeFloat(clientView, n * BYTES[datatype], datatype, x as number);
        });
        expect(quantize(client, layout, rows.length, board)).toBe(-1);

        const boardView = new DataView(board.buffer, board.byteOffset);
        const raws = values.map((x) => quantizerOf(type)(x));
        const words = raws.map((_, n) =>
          readWord(boardView, Math.floor(n / 3) * rowBytes + ((n % 3) * bits) / 8, bits),
        );
        expect(words).toEqual(raws.map((raw) => BigInt.asIntN(bits, BigInt(raw))));
        rows.forEach((_, row) => {
          const rest = board.subarray(row * rowBytes + layout.packedRowBytes, (row + 1) * rowBytes);
          expect(rest.every((byte) => byte === 0xa5)).toBe(true);
        });

        const back = place(new Uint8Array(client.byteLength));
        restore(board, layout, rows.length, back);
        const backView = new DataView(back.buffer, back.byteOffset);
        const scratch = new DataView(new ArrayBuffer(8));
        raws.forEach((raw, n) => {
          const want = writeFloat(scratch, 0, datatype, restorerOf(type)(raw));
          expect(readFloat(backView, n * BYTES[datatype], datatype)).toBe(want);
        });
      }),
      { numRuns: 500 },
    );
  });

  it("tell which row holds a NaN, which is the least value here", () => {
    const layout = layoutOf(tensor());
    const client = new Float32Array([1, 2, 3, 4, NaN, 6, NaN, 8, 9]);
    const board = new Int16Array(9);
    const bytes = new Uint8Array(board.buffer);
    expect(quantize(new Uint8Array(client.buffer), layout, 3, bytes)).toBe(1);
    expect([...board]).toEqual([64, 128, 192, 256, -512, 384, -512, 511, 511]);
  });

  it("ignore what stands above an element's bits in a word of the board", () => {
    const board = new Uint16Array([0b111111_0000000001, 0b000000_1111111111, 0]);
    const client = new Float32Array(3);
    restore(new Uint8Array(board.buffer), layoutOf(tensor()), 1, new Uint8Array(client.buffer));
    expect([...client]).toEqual([1 / 64, -1 / 64, 0]);
  });

  it("of which there are none touch nothing", () => {
    expect(quantize(new Uint8Array(0), layoutOf(tensor()), 0, new Uint8Array(0))).toBe(-1);
  });

  it("that do not fit their buffers are refused", () => {
    const run = (client: number, board: number) => () =>
      quantize(new Uint8Array(client), layoutOf(tensor()), 2, new Uint8Array(board));
    const text = "tensor jet: 2 rows take 24 bytes of a client and 12 of the board";
    expect(run(23, 12)).toThrow(text);
    expect(run(24, 11)).toThrow(text);
    expect(run(24, 12)).not.toThrow();
  });
});

describe("rows of integers with an encoding", () => {
  const names = ["INT16", "INT32", "UINT32", "INT64", "UINT64"] as const;

  it("are raw integers on both sides", () => {
    const picks = fc.tuple(
      fc.constantFrom(...names),
      anyType,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
      fc.boolean(),
    );
    fc.assert(
      fc.property(picks, ([datatype, type, parts, odd]) => {
        const { lo, hi } = rangeOf(type);
        const bits = datatype === "INT16" ? 16 : datatype.endsWith("32") ? 32 : 64;
        fc.pre(
          datatype.startsWith("U")
            ? !type.signed && type.w <= bits
            : type.w + (type.signed ? 0 : 1) <= bits,
        );
        const raws = parts.map((part) => Math.min(hi, lo + Math.floor(part * (hi - lo + 1))));
        const layout = layoutOf(tensor({ datatype, encoding: type }));
        const place = odd ? moved : (bytes: Uint8Array) => bytes;
        const client = place(new Uint8Array(layout.clientRowBytes));
        const view = new DataView(client.buffer, client.byteOffset);
        raws.forEach((raw, n) => {
          if (bits === 64) view.setBigInt64(n * 8, BigInt(raw), true);
          else if (bits === 32) view.setInt32(n * 4, raw, true);
          else view.setInt16(n * 2, raw, true);
        });
        const board = place(new Uint8Array(layout.rowBytes));
        quantize(client, layout, 1, board);
        const boardView = new DataView(board.buffer, board.byteOffset);
        const words = raws.map((_, n) => {
          const word = readWord(boardView, n * layout.storageBytes, 8 * layout.storageBytes);
          return type.signed ? BigInt.asIntN(type.w, word) : BigInt.asUintN(type.w, word);
        });
        expect(words).toEqual(raws.map(BigInt));
        const back = place(new Uint8Array(layout.clientRowBytes));
        restore(board, layout, 1, back);
        expect(back).toEqual(client);
      }),
    );
  });

  it("keep their low bits only", () => {
    const board = new Int16Array(3);
    const client = new Int16Array([512, -513, 5]);
    quantize(
      new Uint8Array(client.buffer),
      layoutOf(tensor({ datatype: "INT16" })),
      1,
      new Uint8Array(board.buffer),
    );
    expect([...board]).toEqual([-512, 511, 5]);
  });
});

describe("rows without an encoding", () => {
  it.each([12, 16])("travel as they are, %i bytes a row on the board", (rowBytes) => {
    const { encoding: _, ...plain } = tensor({ rowBytes });
    const layout = layoutOf(plain);
    const client = new Uint8Array(24).map((_, n) => n);
    const board = new Uint8Array(2 * rowBytes);
    quantize(client, layout, 2, board);
    expect(board.subarray(rowBytes, rowBytes + 12)).toEqual(client.subarray(12));
    const back = new Uint8Array(24);
    restore(board, layout, 2, back);
    expect(back).toEqual(client);
  });
});
