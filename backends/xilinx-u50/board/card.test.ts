/** The card by itself: the calls that XRT makes, made by hand. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { BANK_BYTES, UNIT_BASE } from "../platform.ts";
import { addSubImage } from "../testing/add-sub.ts";
import { HEADER } from "../xclbin-writer/axlf.ts";
import { API } from "./calls.ts";
import { Card } from "./card.ts";
import type { Faults } from "./faults.ts";
import { bytesField, numberField, readFields, writeBytesHeader, writeNumber } from "./protobuf.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-card-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const image = addSubImage({ units: 1 });
const section = (index: number) => {
  const at = HEADER.byteLength + HEADER.sectionByteLength * index + 24;
  const from = Number(image.readBigUInt64LE(at));
  return image.subarray(from, from + Number(image.readBigUInt64LE(at + 8)));
};
writeFileSync(join(folder, "bitstream"), section(0));
writeFileSync(join(folder, "metadata"), section(4));

const ROW_BYTES = 64;
const [A, B, SUM, DIFFERENCE] = [0, BANK_BYTES, 0x1000, BANK_BYTES + 0x1000] as const;
const IDLE = 4;
const DONE = 2;

describe("a card", () => {
  let faults: Faults;
  let card: Card;
  const logged: string[] = [];
  beforeEach(() => {
    faults = {};
    logged.length = 0;
    card = new Card({
      faults: () => faults,
      secondsPerLoad: 0,
      die(how) {
        throw new Error(`died by ${how}`);
      },
      log: (message) => logged.push(message),
    });
  });

  async function call(api: number, fields: Record<number, number | Uint8Array>) {
    const parts = Object.entries(fields).flatMap(([field, value]) =>
      typeof value === "number"
        ? [writeNumber(Number(field), value)]
        : [writeBytesHeader(Number(field), value.byteLength), value],
    );
    return readFields(Buffer.concat(await card.answer(api, Buffer.concat(parts))));
  }

  const load = async (bitstream = "bitstream") =>
    numberField(
      await call(API.loadBitstream, {
        1: Buffer.from(join(folder, "metadata")),
        2: Buffer.from(join(folder, bitstream)),
      }),
      1,
    );
  const allocate = (address: number, size = ROW_BYTES) =>
    call(API.allocate, { 1: address, 2: size });
  const write = (address: number, bytes: Uint8Array) =>
    call(API.writeMemory, { 3: address, 4: bytes, 5: bytes.byteLength });
  const read = async (address: number, size = ROW_BYTES) =>
    Buffer.from(bytesField(await call(API.readMemory, { 4: address, 5: size }), 2));
  const control = async () => {
    const reply = await call(API.readControl, { 2: UNIT_BASE });
    return Buffer.from(bytesField(reply, 2)).readUInt32LE(0);
  };

  /** Registers as XRT writes them: the whole map, control word first. */
  function start(addresses: readonly number[], rows: number) {
    const map = Buffer.alloc(0x44);
    map.writeUInt32LE(1, 0);
    for (const [i, address] of addresses.entries()) map.writeUInt32LE(address, 0x10 + 12 * i);
    map.writeUInt32LE(rows, 0x40);
    return call(API.writeControl, { 2: UNIT_BASE, 4: map });
  }

  async function ready(): Promise<void> {
    expect(await load()).toBe(1);
    for (const address of [A, B, SUM, DIFFERENCE]) await allocate(address);
    await write(A, Buffer.from(new Int32Array(16).fill(30).buffer));
    await write(B, Buffer.from(new Int32Array(16).fill(12).buffer));
  }

  it("runs a kernel on the memory that its registers point to, and says so once", async () => {
    await ready();
    expect(await control()).toBe(IDLE);
    await start([A, B, SUM, DIFFERENCE], 1);
    expect(await control()).toBe(DONE | IDLE);
    expect(await control()).toBe(IDLE);
    expect((await read(SUM)).readInt32LE(60)).toBe(42);
    expect((await read(DIFFERENCE)).readInt32LE(0)).toBe(18);
  });

  it.each<[string, readonly number[], number, string]>([
    [
      "in another bank",
      [B, B, SUM, DIFFERENCE],
      1,
      "argument 0 points to HBM[1], its port is wired to HBM[0]",
    ],
    [
      "where nothing is allocated",
      [0x8000, B, SUM, DIFFERENCE],
      1,
      "argument 0: nothing is allocated at 0x8000",
    ],
    [
      "too short for the rows",
      [A, B, SUM, DIFFERENCE],
      2,
      "128 bytes at 0x0, where 64 are allocated",
    ],
  ])("faults on a buffer %s", async (_, addresses, rows, reason) => {
    await ready();
    await expect(start(addresses, rows)).rejects.toThrow(reason);
  });

  it("faults on memory outside its banks, or across two", async () => {
    await expect(allocate(32 * BANK_BYTES)).rejects.toThrow("not within one bank");
    await expect(allocate(BANK_BYTES - 10, 20)).rejects.toThrow("not within one bank");
  });

  it("forgets memory that was freed", async () => {
    await allocate(A);
    await call(API.free, { 1: A });
    await expect(read(A)).rejects.toThrow("nothing is allocated at 0x0");
  });

  it("refuses what is no image of its kind, and says why", async () => {
    writeFileSync(join(folder, "foreign"), Buffer.alloc(100));
    expect(await load("foreign")).toBe(0);
    expect(logged).toEqual(["refuses the image: no bitstream for the emulated board"]);
  });

  it("does not know every call", async () => {
    await expect(call(77, {})).rejects.toThrow("unknown call 77");
  });

  describe("that was told to misbehave", () => {
    const run = async (told: Faults) => {
      await ready();
      faults = told;
      await start([A, B, SUM, DIFFERENCE], 1);
    };

    it("is never done", async () => {
      await run({ neverDone: true });
      expect((await control()) & DONE).toBe(0);
    });

    it("is done late", async () => {
      await run({ slow: { ms: 500 } });
      expect((await control()) & DONE).toBe(0);
      await new Promise((resolve) => setTimeout(resolve, 520));
      expect((await control()) & DONE).toBe(DONE);
    });

    it("flips bits", async () => {
      await run({ wrongData: true });
      expect((await read(SUM)).readInt32LE(0)).toBe(43);
    });

    it("brings half of what was asked for", async () => {
      await run({ wrongLength: true });
      expect((await read(SUM)).byteLength).toBe(32);
    });

    it("dies at the call", async () => {
      await expect(run({ die: "exit" })).rejects.toThrow("died by exit");
    });

    it("refuses images", async () => {
      faults = { refuseImage: true };
      expect(await load()).toBe(0);
    });
  });
});
