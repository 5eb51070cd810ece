import { describe, expect, it } from "vitest";
import { type Artifact, type ArtifactManifest, BackendError } from "../contract.ts";
import { checkManifest, readImageFacts } from "./image.ts";
import { addSubImage, addSubKernel } from "./testing/add-sub.ts";

const image = addSubImage();

/** The message of the refusal; undefined: it was read. */
function refusal(file: Buffer): string | undefined {
  try {
    readImageFacts(file);
    return undefined;
  } catch (cause) {
    expect(cause).toBeInstanceOf(BackendError);
    expect(cause).toMatchObject({ fault: "artifact" });
    return (cause as Error).message;
  }
}

function changed(change: (file: Buffer) => void): Buffer {
  const file = Buffer.from(image);
  change(file);
  return file;
}

describe("an image for the emulated board", () => {
  it("tells its platform, kernels, compute units, banks and wires", () => {
    expect(readImageFacts(image)).toMatchObject({
      platform: "xilinx_u50_gen3x16_xdma_base_5",
      emulation: true,
      units: ["add_sub:add_sub_1", "add_sub:add_sub_2"],
      kernels: [
        {
          name: "add_sub",
          arguments: [
            { index: 0, name: "a", global: true, offset: 0x10, size: 8 },
            { index: 1, name: "b", global: true, offset: 0x1c, size: 8 },
            { index: 2, name: "sum", global: true, offset: 0x28, size: 8 },
            { index: 3, name: "difference", global: true, offset: 0x34, size: 8 },
            { index: 4, name: "rows", global: false, offset: 0x40, size: 4 },
          ],
          units: [
            { name: "add_sub:add_sub_1", base: 0x1800000 },
            { name: "add_sub:add_sub_2", base: 0x1810000 },
          ],
        },
      ],
    });
    const { banks, links } = readImageFacts(image);
    expect(banks.flatMap(({ tag, used }) => (used ? [tag] : []))).toEqual([
      "HBM[0]",
      "HBM[1]",
      "HBM[2]",
      "HBM[3]",
    ]);
    expect(links).toHaveLength(8);
    expect(links).toContainEqual({ argument: 3, unit: 1, bank: 3 });
  });

  it("is the same bytes for the same content, with a UUID that goes by it", () => {
    expect(addSubImage().equals(image)).toBe(true);
    expect(readImageFacts(addSubImage({ units: 3 })).uuid).not.toBe(readImageFacts(image).uuid);
  });
});

describe("a broken image", () => {
  it("is refused at every length but its own", () => {
    for (let length = 0; length < image.length; length += 7) {
      expect(refusal(image.subarray(0, length))).toBeDefined();
    }
    expect(refusal(Buffer.concat([image, Buffer.alloc(8)]))).toBeDefined();
  });

  it.each<[string, (file: Buffer) => void, string]>([
    ["of another format", (file) => file.write("ELF", 0), "does not begin as one"],
    ["without sections", (file) => file.writeUInt32LE(0, 448), "0 sections"],
    ["with too many sections", (file) => file.writeUInt32LE(1e6, 448), "1000000 sections"],
    ["with a section outside", (file) => file.writeBigUInt64LE(2n ** 40n, 456 + 24), "outside"],
    ["with a section too long", (file) => file.writeBigUInt64LE(2n ** 63n, 456 + 32), "outside"],
    [
      "with overlapping sections",
      (file) => file.copy(file, 496 + 24, 456 + 24, 456 + 32),
      "overlaps",
    ],
    ["with two of a kind", (file) => file.writeUInt32LE(0, 496), "two sections BITSTREAM"],
    ["without a needed section", (file) => file.writeUInt32LE(99, 456), "no section BITSTREAM"],
  ])("%s is refused", (_, change, reason) => {
    expect(refusal(changed(change))).toContain(reason);
  });

  it("is refused or read, but never anything else, whatever byte is another", () => {
    let seed = 12345;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed % below;
    };
    let refused = 0;
    for (let i = 0; i < 2000; i++) {
      const file = changed((bytes) => {
        for (let n = random(4); n >= 0; n--) bytes[random(bytes.length)] = random(256);
      });
      if (refusal(file) !== undefined) refused += 1;
    }
    expect(refused).toBeGreaterThan(0);
  });
});

describe("a manifest", () => {
  const manifest: ArtifactManifest = {
    manifest: 1,
    backend: "xilinx-u50",
    vendor: "xilinx",
    artifact: { file: "x", format: "xclbin", platform: "xilinx_u50_gen3x16_xdma_base_5" },
    numericClass: "int32",
    inputs: [],
    outputs: [],
    kernel: addSubKernel({}),
  };
  const check = (of: Partial<ArtifactManifest>) => {
    const artifact = { manifest: { ...manifest, ...of } } as Artifact;
    return () => checkManifest(readImageFacts(image), artifact);
  };

  it("agrees with its image", () => {
    expect(check({})).not.toThrow();
  });

  it.each<[string, Partial<ArtifactManifest>, string]>([
    [
      "another platform",
      { artifact: { ...manifest.artifact, platform: "xilinx_u250" } },
      "the manifest says xilinx_u250",
    ],
    [
      "another kernel",
      { kernel: addSubKernel({ name: "other" }) },
      'no kernel "other"; it has "add_sub"',
    ],
    ["another compute unit", { kernel: addSubKernel({ units: 3 }) }, "are not those of the image"],
    [
      "fewer arguments",
      { kernel: addSubKernel({ rowsPerCall: 8 }) },
      "takes 5 arguments, the manifest names 4",
    ],
  ])("with %s is refused", (_, of, reason) => {
    expect(check(of)).toThrow(reason);
  });

  it("with a bank that nothing leads to is refused", () => {
    const kernel = addSubKernel({});
    const crossed = kernel.arguments.map((argument) =>
      argument.index === 1 ? { ...argument, banks: [1, 9] } : argument,
    ) as typeof kernel.arguments;
    expect(check({ kernel: { ...kernel, arguments: crossed } })).toThrow(
      "argument 1 of unit 1 is not wired to bank 9",
    );
  });
});
