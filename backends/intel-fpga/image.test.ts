import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { BackendError } from "../contract.ts";
import { inspectImageBytes, inspectImageFile } from "./image.ts";

/** From the tests of Intel's runtime, see SOURCES.md beside it. */
const SAMPLE = fileURLToPath(
  new URL("../../../shared/artifacts/intel_example.aocr", import.meta.url),
);

const folder = mkdtempSync(join(tmpdir(), "beamgate-aocx-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HEADER = 52;
const ENTRY = 40;

/** An ELF of these sections: header, contents, names, section table. */
function elf(sections: Readonly<Record<string, string>>): Buffer {
  const all = [["", ""], ...Object.entries(sections), [".shstrtab", ""]] as [string, string][];
  const names = Buffer.from(`${all.map(([name]) => name).join("\0")}\0`);
  const contents = all.map(([name, text]) => (name === ".shstrtab" ? names : Buffer.from(text)));
  const table = Buffer.alloc(ENTRY * all.length);
  let nameAt = 0;
  let offset = HEADER;
  for (const [i, [name]] of all.entries()) {
    const size = contents[i]?.length ?? 0;
    table.writeUInt32LE(nameAt, ENTRY * i);
    table.writeUInt32LE(i === 0 ? 0 : 1, ENTRY * i + 4);
    table.writeUInt32LE(offset, ENTRY * i + 16);
    table.writeUInt32LE(size, ENTRY * i + 20);
    nameAt += name.length + 1;
    offset += size;
  }
  const header = Buffer.alloc(HEADER);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]).copy(header);
  header.writeUInt32LE(offset, 32);
  header.writeUInt16LE(ENTRY, 46);
  header.writeUInt16LE(all.length, 48);
  header.writeUInt16LE(all.length - 1, 50);
  return Buffer.concat([header, ...contents, table]);
}

const good = elf({ ".acl.board": "pac_a10\0", ".acl.fpga.bin": "bits" });

function changed(write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(good);
  write(bytes);
  return bytes;
}

describe("an aocx file", () => {
  it("tells its board and sections, from the disk as from memory", async () => {
    const facts = {
      board: "pac_a10",
      sizeBytes: good.length,
      sections: [".acl.board", ".acl.fpga.bin", ".shstrtab"],
    };
    expect(await inspectImageBytes("good.aocx", good)).toEqual(facts);
    const path = join(folder, "good.aocx");
    writeFileSync(path, good);
    expect(await inspectImageFile(path)).toEqual(facts);
  });

  it.each([
    ["nothing in it", Buffer.alloc(0), /header ends at byte 52, the file has 0/],
    ["a text in it", Buffer.alloc(100, "text"), /no 32-bit little-endian ELF/],
    ["64 bits", changed((bytes) => bytes.writeUInt8(2, 4)), /no 32-bit/],
    [
      "a table beyond its end",
      changed((bytes) => bytes.writeUInt32LE(1e9, 32)),
      /the section table ends/,
    ],
    [
      "entries of another size",
      changed((bytes) => bytes.writeUInt16LE(64, 46)),
      /entries of 64 bytes/,
    ],
    ["no sections", changed((bytes) => bytes.writeUInt16LE(0, 48)), /table of 0 entries/],
    ["names in no section", changed((bytes) => bytes.writeUInt16LE(99, 50)), /names in 99/],
    ["its end missing", good.subarray(0, -1), /cut off/],
    ["another maker", elf({ ".text": "code" }), /no section \.acl\.board/],
    ["a board without a name", elf({ ".acl.board": "" }), /of 0 bytes names no board/],
    [
      "an emulator's code",
      elf({ ".acl.board": "pac_a10", ".acl.emulator_object.linux": "code" }),
      /Intel's emulator/,
    ],
  ])("with %s is refused", async (_, bytes, reason) => {
    const inspected = inspectImageBytes("bad.aocx", bytes);
    await expect(inspected).rejects.toThrow(reason);
    await expect(inspected).rejects.toMatchObject({ fault: "artifact" });
  });

  it("that is not there is refused", async () => {
    const missing = inspectImageFile(join(folder, "missing.aocx"));
    await expect(missing).rejects.toMatchObject({ fault: "artifact" });
  });

  it("with any byte changed, or cut off anywhere, is refused or read, never worse", async () => {
    for (let at = 0; at < good.length; at++) {
      const mutants = [
        good.subarray(0, at),
        ...[0x01, 0x80, 0xff].map((bits) => flipped(at, bits)),
      ];
      for (const mutant of mutants) {
        const thrown = await inspectImageBytes("mutant.aocx", mutant).then(
          () => undefined,
          (cause: unknown) => cause,
        );
        if (thrown !== undefined) expect(thrown).toBeInstanceOf(BackendError);
      }
    }
  });
});

function flipped(at: number, bits: number): Buffer {
  return changed((bytes) => bytes.writeUInt8((bytes[at] ?? 0) ^ bits, at));
}

describe.skipIf(!existsSync(SAMPLE))("the sample of Intel's runtime", () => {
  it("is for the board that SOURCES.md tells", async () => {
    const facts = await inspectImageFile(SAMPLE);
    expect(facts.board).toBe("a10_ref_small");
    expect(facts.sections).toContain(".acl.kernel_arg_info.xml");
  });

  it.each([0.1, 0.5, 0.99])("cut off at %d of its length is refused", async (part) => {
    const bytes = readFileSync(SAMPLE);
    const cut = bytes.subarray(0, Math.floor(part * bytes.length));
    await expect(inspectImageBytes("cut.aocr", cut)).rejects.toThrow(/cut off/);
  });
});
