import { describe, expect, it } from "vitest";
import { makeGbs } from "../../../test/support/make-gbs.ts";
import { scratchFile } from "../../../test/support/scratch-file.ts";
import { inspectGbs } from "./inspect-gbs.ts";
import { readGbs } from "./read-gbs.ts";

const INTERFACE = "9926AB6D-6C92-5A68-AABC-A7D84C545738";
const AFU = "18b79ffa-2ee5-4aa0-96ef-4230dafacb5f";
const written = scratchFile("made.gbs");
const METADATA = {
  version: 1,
  "platform-name": "PAC",
  "afu-image": {
    "interface-uuid": INTERFACE,
    "magic-no": 488605312,
    "clock-frequency-high": 312.5,
    "clock-frequency-low": "auto",
    power: 30,
    "accelerator-clusters": [
      { name: "ocl", "accelerator-type-uuid": AFU, "total-contexts": 1 },
      { "accelerator-type-uuid": AFU },
    ],
  },
};
const read = (metadata: unknown, image = "image") => readGbs(written(makeGbs(metadata, image)));
const withImage = (changes: object) =>
  read({ ...METADATA, "afu-image": { ...METADATA["afu-image"], ...changes } });

describe("a green bitstream", () => {
  it("gives interface, accelerators, clocks, power and the length of its image", async () => {
    expect(await read(METADATA)).toEqual({
      interfaceUuid: INTERFACE.toLowerCase(),
      accelerators: [{ uuid: AFU, name: "ocl", contexts: 1 }, { uuid: AFU }],
      imageBytes: 5,
      platform: "PAC",
      clocksMhz: { high: 312.5 },
      powerWatts: 30,
    });
  });

  it("fits a platform by the UUID of its interface or by name", async () => {
    const path = written(makeGbs(METADATA, "image"));
    const inspect = (platform: string) => inspectGbs({ digest: "", path, format: "gbs", platform });
    expect((await inspect("any")).platform).toBe(INTERFACE.toLowerCase());
    expect((await inspect(INTERFACE)).platform).toBe(INTERFACE);
    expect((await inspect("PAC")).platform).toBe("PAC");
    await expect(inspect("DCP")).rejects.toThrow(/of platform 'PAC', expected 'DCP'/);
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ["no GUID", () => readGbs(written("XeonFPGA")), /does not begin with the GUID/],
    ["no image", () => read(METADATA, ""), /no image follows the metadata/],
    ["no afu-image", () => read({ version: 1 }), /no object afu-image/],
    [
      "an odd interface",
      () => withImage({ "interface-uuid": "a\u0007b" }),
      /interface-uuid 'a.b', expected a UUID/,
    ],
    ["no accelerators", () => withImage({ "accelerator-clusters": {} }), /no accelerator-clusters/],
    [
      "an accelerator without UUID",
      () => withImage({ "accelerator-clusters": [null] }),
      /accelerator-type-uuid '', expected/,
    ],
    ["another magic number", () => withImage({ "magic-no": 1 }), /magic-no 1, expected 488605312/],
  ])("with %s is refused", async (_what, reading, reason) => {
    await expect(reading()).rejects.toThrow(reason);
  });

  it("is refused when its metadata are no JSON, or longer than the file", async () => {
    const bytes = makeGbs(METADATA, "image");
    bytes.writeUInt32LE(10, 16);
    await expect(readGbs(written(bytes))).rejects.toThrow(/metadata at byte 20: no JSON/);
    bytes.writeUInt32LE(0xffffffff, 16);
    await expect(readGbs(written(bytes))).rejects.toThrow(/metadata at byte 20: bytes 20 to/);
  });
});
