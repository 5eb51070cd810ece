import { truncate } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import {
  clocks,
  defaultSections,
  deviceTree,
  joinSections,
  KINDS,
  makeXclbin,
  type XclbinParts,
} from "../../../test/support/make-xclbin.ts";
import { quickestMs } from "../../../test/support/quickest.ts";
import { scratchFile } from "../../../test/support/scratch-file.ts";
import { BackendError } from "../../contract.ts";
import { readXclbin } from "./read-xclbin.ts";

const written = scratchFile("made.xclbin");
const readBytes = (bytes: Uint8Array) => readXclbin(written(bytes));
const read = (parts: XclbinParts = {}) => readBytes(makeXclbin(parts));
const withSection = (kind: number, bytes: Buffer | undefined) =>
  read({ sections: { [kind]: bytes } });

/** What `damage` does to a right file. */
async function readDamaged(damage: (bytes: Buffer) => void) {
  const bytes = makeXclbin();
  damage(bytes);
  return readBytes(bytes);
}

describe("an image for a U50", () => {
  it("gives platform, UUIDs, target and tables", async () => {
    const interfaceUuid = "b6ac0f32-ef98-4938-924a-7bb9811b3909";
    const xclbin = await read({ interfaceUuid, mode: 5 });
    expect(xclbin).toMatchObject({
      platform: "xilinx_u50_gen3x16_xdma_5_202210_1",
      target: "sw_emu",
      uuid: "11223344-5566-7788-99aa-bbccddeeff00",
      interfaceUuid,
      version: "2.13.466",
      createdAt: "2023-11-14T22:13:20.000Z",
      signed: false,
      fpga: "virtexuplusHBM:xcu50:fsvh2104:-2:e",
    });
    expect(xclbin.afi).toBeUndefined();
    expect(xclbin.banks?.[1]).toEqual({
      type: "HBM",
      used: true,
      sizeKiB: 262_144,
      baseAddress: "0x10000000",
      tag: "HBM[1]",
    });
    expect(xclbin.ips?.map(({ name }) => name)).toEqual([
      "jet_tagger:jet_tagger_1",
      "jet_tagger:jet_tagger_2",
    ]);
    expect(xclbin.connections?.[3]).toEqual({ argument: 1, ip: 1, bank: 3 });
  });

  it("gives arguments as the kernel's source has them", async () => {
    const { kernels } = await read();
    expect(kernels?.[0]).toEqual({
      name: "jet_tagger",
      controlBytes: 4096,
      arguments: [
        {
          index: 0,
          name: "in",
          kind: "global",
          type: "ap_uint<512> const*",
          sizeBytes: 8,
          offset: 16,
        },
        { index: 1, name: "out", kind: "global", type: "short*", sizeBytes: 8, offset: 28 },
        { index: 2, name: "n", kind: "scalar", type: "uint", sizeBytes: 4, offset: 40 },
      ],
      computeUnits: [
        { name: "jet_tagger_1", baseAddress: "0x1800000" },
        { name: "jet_tagger_2", baseAddress: "0x1810000" },
      ],
    });
  });

  it("gives clocks, tools, pairs of the builder, and interfaces of the shell", async () => {
    const json = (value: unknown) => Buffer.from(JSON.stringify(value));
    const xclbin = await read({
      sections: {
        [KINDS.CLOCK_FREQ_TOPOLOGY]: clocks([[300, 2, "KERNEL_CLK"]]),
        [KINDS.BUILD_METADATA]: json({
          build_metadata: { xclbin: { generated_by: { name: "v++", version: "2022.2" } } },
        }),
        [KINDS.KEYVALUE_METADATA]: json({ key_values: [{ key: "author", value: "me" }, {}] }),
        [KINDS.PARTITION_METADATA]: deviceTree([
          ["depth", "1"],
          ["interface_uuid", "b6ac0f32ef984938924a7bb9811b3909"],
        ]),
      },
    });
    expect(xclbin.clocks).toEqual([{ name: "KERNEL_CLK", type: "kernel", mhz: 300 }]);
    expect(xclbin.build).toEqual({ linkedBy: "v++ 2022.2" });
    expect(xclbin.keyValues).toEqual({ author: "me" });
    expect(xclbin.partitionInterfaces).toEqual(["b6ac0f32-ef98-4938-924a-7bb9811b3909"]);
  });

  it("carries kinds of sections along that nobody knows", async () => {
    const { sections } = await withSection(4711, Buffer.from("of the future"));
    expect(sections.find(({ kind }) => kind === 4711)).toMatchObject({
      name: "KIND_4711",
      label: "of_a_test",
      sizeBytes: 13,
    });
  });

  it("takes an image without tables, as software emulation once made them", async () => {
    const sections = {
      [KINDS.IP_LAYOUT]: undefined,
      [KINDS.MEM_TOPOLOGY]: undefined,
      [KINDS.CONNECTIVITY]: undefined,
    };
    const xclbin = await read({ sections });
    expect(xclbin.ips).toBeUndefined();
    expect(xclbin.kernels).toHaveLength(1);
  });

  it("takes a signature for what it is: more bytes behind the container", async () => {
    const xclbin = await read({ signature: Buffer.alloc(100, 7) });
    expect(xclbin.signed).toBe(true);
  });

  it("knows an image that AWS keeps by its id", async () => {
    const id = Buffer.from("agfi-0123456789abcdef0");
    expect(await withSection(KINDS.BITSTREAM, id)).toMatchObject({ afi: `${id}` });
  });

  it("does not read the image of the card, however large it is", async () => {
    const gigabytes = 20 * 1024 ** 3;
    // Its section is the last one, so that it can grow in a sparse file.
    const grown = joinSections({}, [
      ...Object.entries(defaultSections()).flatMap(([kind, section]) =>
        section === undefined || kind === "0" ? [] : [{ kind: Number(kind), bytes: section }],
      ),
      { kind: KINDS.BITSTREAM, bytes: Buffer.alloc(8) },
    ]);
    const at = 456 + 40 * (grown.readUInt32LE(448) - 1);
    grown.writeBigUInt64LE(BigInt(gigabytes), at + 32);
    const length = Number(grown.readBigUInt64LE(at + 24)) + gigabytes;
    grown.writeBigUInt64LE(BigInt(length), 304);
    const path = written(grown);
    await truncate(path, length);
    const ms = await quickestMs(3000, async () => {
      await expect(readXclbin(path)).resolves.toMatchObject({ bitstreamBytes: gigabytes });
    });
    // To read it would take longer by far, whatever the machine.
    expect(ms).toBeLessThan(3000);
  });
});

describe("a container that lies", () => {
  it.each<[string, (bytes: Buffer) => void, RegExp]>([
    ["about what it is", (b) => b.write("xclbin1", 0), /begins with 'xclbin1', expected 'xclbin2'/],
    [
      "about its length",
      (b) => b.writeUInt32LE(100, 304),
      /a length of 100 bytes at byte 304, expected/,
    ],
    ["about a signature", (b) => b.writeInt32LE(8, 8), /and a signature of 8 at byte 304/],
    ["about its mode", (b) => b.writeUInt16LE(9, 332), /mode 9 at byte 332, expected 0 to 6/],
    ["about its platform", (b) => b.fill(0, 352, 416), /no name of a platform at byte 352/],
    ["with no sections", (b) => b.writeUInt32LE(0, 448), /0 sections at byte 448, expected 1 to/],
    ["with too many", (b) => b.writeUInt32LE(0xffffffff, 448), /4294967295 sections/],
    [
      "with a section in the table",
      (b) => b.writeUInt32LE(460, 480),
      /BITSTREAM begins at byte 460, expected behind the section table/,
    ],
    [
      "with sections on each other",
      (b) => b.writeUInt32LE(b.readUInt32LE(480), 520),
      /begins at byte .*, expected behind section BITSTREAM/,
    ],
    [
      "with a section beyond the end",
      (b) => b.writeUInt32LE(0x7fffffff, 488 + 160),
      /section IP_LAYOUT ends at byte .*expected within/,
    ],
    [
      "with a section beyond 2^53",
      (b) => b.fill(0xff, 488 + 160, 496 + 160),
      /section IP_LAYOUT ends at byte Infinity/,
    ],
  ])("%s is refused", async (_what, damage, reason) => {
    await expect(readDamaged(damage)).rejects.toThrow(reason);
    await expect(readDamaged(damage)).rejects.toBeInstanceOf(BackendError);
  });

  it("with two sections of which one would be taken is refused", async () => {
    const bytes = joinSections({}, [
      { kind: KINDS.BITSTREAM, bytes: Buffer.from("one") },
      { kind: KINDS.BITSTREAM, bytes: Buffer.from("two") },
    ]);
    await expect(readBytes(bytes)).rejects.toThrow("section BITSTREAM occurs twice, expected once");
  });

  it.each([0, 3, 7, 100, 455])("cut off after %i bytes is refused", async (length) => {
    await expect(readBytes(makeXclbin().subarray(0, length))).rejects.toThrow(
      /cannot serve the xclbin file: /,
    );
  });
});
