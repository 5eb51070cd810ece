import { describe, expect, it } from "vitest";
import { makeElf } from "../../../test/support/make-elf.ts";
import { scratchFile } from "../../../test/support/scratch-file.ts";
import { withArtifactFile } from "../artifact-file/artifact-file.ts";
import { ElfSections } from "./elf-sections.ts";

const written = scratchFile("made.elf");
const read = (bytes: Uint8Array) =>
  withArtifactFile(written(bytes), "aocx", async (file) => {
    const elf = await ElfSections.of(file, "name another file");
    return { names: elf.names, board: await elf.text(".acl.board", 64) };
  });
const damaged = (damage: (bytes: Buffer) => void) => {
  const bytes = makeElf([[".acl.board", "a10"]]);
  damage(bytes);
  return read(bytes);
};
/** Header of the section `.acl.board`. */
const BOARD_HEADER = (bytes: Buffer) => bytes.readUInt32LE(32) + 2 * 40;

describe("an ELF file", () => {
  it.each([32, 64] as const)("of %i bits gives its sections by name", async (bits) => {
    const bytes = makeElf(
      [
        [".acl.board", "a10_ref \n\0\0"],
        [".empty", ""],
      ],
      bits,
    );
    expect(await read(bytes)).toEqual({
      names: [".shstrtab", ".acl.board", ".empty"],
      board: "a10_ref",
    });
  });

  it.each<[string, (bytes: Buffer) => void, RegExp]>([
    ["is none", (b) => b.write("XELF"), /no ELF file of 32 or 64 bits; name another file/],
    ["has another class", (b) => b.writeUInt8(3, 4), /no ELF file of 32 or 64 bits/],
    ["is big-endian", (b) => b.writeUInt8(2, 5), /byte order 2, expected 1/],
    ["has odd section headers", (b) => b.writeUInt16LE(8, 46), /headers of 8 bytes, expected 40/],
    ["has no sections", (b) => b.writeUInt16LE(0, 48), /0 sections, expected 1 to 4096/],
    ["has too many", (b) => b.writeUInt16LE(0xffff, 48), /65535 sections/],
    [
      "has its table outside",
      (b) => b.writeUInt32LE(0xffffff00, 32),
      /section table: bytes .* within/,
    ],
    [
      "has no names",
      (b) => b.writeUInt16LE(9, 50),
      /names of sections in section 9, expected one of 3/,
    ],
    ["has a name outside", (b) => b.writeUInt32LE(999, BOARD_HEADER(b)), /a name at byte 999/],
    [
      "has a section outside",
      (b) => b.writeUInt32LE(999, BOARD_HEADER(b) + 20),
      /section '.acl.board': bytes/,
    ],
  ])("is refused when it %s", async (_what, damage, reason) => {
    await expect(damaged(damage)).rejects.toThrow(reason);
  });

  it("is refused with two sections of one name, or when a text is too long", async () => {
    const twice = makeElf([
      [".acl.board", "one"],
      [".acl.board", "two"],
    ]);
    await expect(read(twice)).rejects.toThrow("section '.acl.board' occurs twice, expected once");
    await expect(read(makeElf([[".acl.board", "x".repeat(65)]]))).rejects.toThrow(
      "section .acl.board: 65 bytes, expected at most 64",
    );
  });

  it.each([1, 15, 16, 51, 60])("is refused when it ends after %i bytes", async (length) => {
    await expect(read(makeElf([[".acl.board", "a10"]]).subarray(0, length))).rejects.toThrow(
      /cannot serve the aocx file/,
    );
  });
});
