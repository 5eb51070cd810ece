import { describe, expect, it } from "vitest";
import {
  connectivity,
  defaultSections,
  deviceTree,
  ipLayout,
  KINDS,
  makeXclbin,
  memTopology,
  metadata,
  type XclbinParts,
} from "../../../test/support/make-xclbin.ts";
import { scratchFile } from "../../../test/support/scratch-file.ts";
import { readXclbin } from "./read-xclbin.ts";

const written = scratchFile("made.xclbin");
const read = (parts: XclbinParts) => readXclbin(written(makeXclbin(parts)));
const withSection = (kind: number, bytes: Buffer | undefined) =>
  read({ sections: { [kind]: bytes } });

describe("tables whose counts do not fit", () => {
  const counted = (kind: number, write: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(defaultSections()[kind] ?? []);
    write(bytes);
    return withSection(kind, bytes);
  };
  it.each([-1, 1, 4, 6, 0x7fffffff])("%i banks where there are 5", async (count) => {
    await expect(counted(KINDS.MEM_TOPOLOGY, (bytes) => bytes.writeInt32LE(count))).rejects.toThrow(
      `section MEM_TOPOLOGY at byte 1592: ${count} entries of 40 bytes, expected 5 in 208 bytes`,
    );
  });

  it("take room for one entry where there is none, as the tools make it", async () => {
    const none = { [KINDS.EMBEDDED_METADATA]: undefined, [KINDS.CONNECTIVITY]: Buffer.alloc(16) };
    await expect(read({ sections: none })).resolves.toMatchObject({ connections: [] });
  });

  it("are refused when they are too short for a count", async () => {
    await expect(withSection(KINDS.CONNECTIVITY, Buffer.alloc(3))).rejects.toThrow(
      /CONNECTIVITY.*a field of 4 bytes at byte 0, expected to end within 3/,
    );
  });
});

describe("sections at odds with each other", () => {
  it.each<[string, number, Buffer, RegExp]>([
    [
      "a wire to no unit",
      KINDS.CONNECTIVITY,
      connectivity([[0, 2, 0]]),
      /entry 0: entry 2 of IP_LAYOUT, expected one of the 2/,
    ],
    [
      "a wire to no bank",
      KINDS.CONNECTIVITY,
      connectivity([[0, 0, 5]]),
      /entry 5 of MEM_TOPOLOGY, expected one of the 5/,
    ],
    [
      "a wire of no argument",
      KINDS.CONNECTIVITY,
      connectivity([[3, 0, 0]]),
      /'jet_tagger:jet_tagger_1': argument 3, expected one of the 3/,
    ],
    [
      "a negative argument",
      KINDS.CONNECTIVITY,
      connectivity([[-1, 0, 0]]),
      /argument -1, expected 0 or more/,
    ],
    [
      "a wire to an unused bank",
      KINDS.CONNECTIVITY,
      connectivity([[0, 0, 4]]),
      /argument 0 in bank 4 'HBM\[4\]', which MEM_TOPOLOGY says is not used/,
    ],
    [
      "a buffer without a bank",
      KINDS.CONNECTIVITY,
      connectivity([[0, 0, 0]]),
      /no memory bank for argument 1 'out'/,
    ],
    [
      "a unit nobody describes",
      KINDS.IP_LAYOUT,
      ipLayout(["jet_tagger:jet_tagger_1", "jet_tagger:jet_tagger_9"]),
      /compute unit 'jet_tagger:jet_tagger_9' that EMBEDDED_METADATA does not describe/,
    ],
    [
      "a described unit nobody laid out",
      KINDS.EMBEDDED_METADATA,
      Buffer.from(metadata(undefined, ["jet_tagger_1", "jet_tagger_2", "jet_tagger_3"])),
      /'jet_tagger:jet_tagger_3' that IP_LAYOUT does not have/,
    ],
  ])("%s is refused", async (_what, kind, bytes, reason) => {
    await expect(withSection(kind, bytes)).rejects.toThrow(reason);
  });
});

describe("metadata of kernels", () => {
  const withArguments = (...args: string[]) =>
    withSection(KINDS.EMBEDDED_METADATA, Buffer.from(metadata(args)));
  const arg = (attributes: string) => `<arg name="x" ${attributes}/>`;

  it.each<[string, string, RegExp]>([
    [
      "a register outside",
      'addressQualifier="0" id="0" size="0x4" offset="0xFFD"',
      /register of argument 'x' ends at 4097, expected within 4096/,
    ],
    [
      "an unknown qualifier",
      'addressQualifier="7" id="0" size="4" offset="0"',
      /addressQualifier 7, expected 0 to 4/,
    ],
    [
      "a size that is none",
      'addressQualifier="0" id="0" size="-4" offset="0"',
      /size="-4", expected a number/,
    ],
    [
      "a gap",
      'addressQualifier="0" id="1" size="4" offset="0"',
      /id 1, expected ids from 0 on without gaps/,
    ],
  ])("with %s are refused", async (_what, attributes, reason) => {
    await expect(withArguments(arg(attributes))).rejects.toThrow(reason);
  });

  it.each<[string, string, RegExp]>([
    ["no XML", "once upon a time", /text outside the root element/],
    ["cut off", metadata().slice(0, 300), /the text ends inside|is missing/],
    ["another document", "<board/>", /root element <board>, expected <project>/],
    ["entities", '<!DOCTYPE x [<!ENTITY a "b">]><project/>', /document type definition/],
  ])("that are %s are refused", async (_what, text, reason) => {
    await expect(withSection(KINDS.EMBEDDED_METADATA, Buffer.from(text))).rejects.toThrow(reason);
  });

  it("leave out arguments that the runtime sets", async () => {
    const banks = { [KINDS.MEM_TOPOLOGY]: memTopology([true]), [KINDS.CONNECTIVITY]: undefined };
    const text = metadata([arg('addressQualifier="1" id="" size="8" offset="16"')]);
    const { kernels } = await read({
      sections: { ...banks, [KINDS.EMBEDDED_METADATA]: Buffer.from(text) },
    });
    expect(kernels?.[0]?.arguments).toEqual([]);
  });
});

describe("JSON and device trees", () => {
  it.each<[string, number, Buffer, RegExp]>([
    [
      "JSON cut off",
      KINDS.BUILD_METADATA,
      Buffer.from('{"build_metadata":'),
      /BUILD_METADATA.*no JSON/,
    ],
    [
      "JSON of another kind",
      KINDS.KEYVALUE_METADATA,
      Buffer.from("[1]"),
      /KEYVALUE_METADATA.*no JSON object/,
    ],
    ["no device tree", KINDS.PARTITION_METADATA, Buffer.alloc(64), /no device tree/],
    [
      "a tree without an end",
      KINDS.PARTITION_METADATA,
      changed(deviceTree([["a", "b"]]), 40 + 48, 4),
      /the tree has no end/,
    ],
    [
      "a tree with an odd token",
      KINDS.PARTITION_METADATA,
      changed(deviceTree([["a", "b"]]), 40, 77),
      /token 77 at byte 40/,
    ],
    [
      "a property beyond the tree",
      KINDS.PARTITION_METADATA,
      changed(deviceTree([["a", "b"]]), 64 + 4, 0xffffff),
      /a property of 16777215 bytes/,
    ],
  ])("with %s are refused", async (_what, kind, bytes, reason) => {
    await expect(withSection(kind, bytes)).rejects.toThrow(reason);
  });
});

/** A word of a device tree replaced. */
function changed(tree: Buffer, at: number, word: number): Buffer {
  tree.writeUInt32BE(word, at);
  return tree;
}
