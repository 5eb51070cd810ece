/**
 * Sections of an ELF file, 32 or 64 bits, little-endian: the container of
 * Intel's FPGA tools. Nothing is loaded or relocated. Layout: System V ABI,
 * chapter 4 ("Object Files").
 */
import type { ArtifactFile } from "../artifact-file/artifact-file.ts";
import type { ByteView } from "../artifact-file/byte-view.ts";

/** Honest files have some dozens. */
const MAX_SECTIONS = 4096;
const MAX_NAMES_BYTES = 1024 * 1024;
const MAX_NAME_BYTES = 256;
/** Types of sections without bytes in the file. */
const NULL = 0;
const NOBITS = 8;

export interface ElfSection {
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface Elf {
  readonly bits: 32 | 64;
  /** Those with a name and bytes in the file, in its order. */
  readonly sections: readonly ElfSection[];
}

/** Where the fields of headers lie, which depends on the class. */
interface Layout {
  readonly bits: 32 | 64;
  readonly headBytes: number;
  readonly tableOffset: number;
  readonly entryBytes: number;
  readonly entryCount: number;
  readonly namesIndex: number;
  readonly section: { readonly bytes: number; readonly offset: number; readonly size: number };
}

const LAYOUTS: Readonly<Record<number, Layout>> = {
  1: {
    bits: 32,
    headBytes: 52,
    tableOffset: 32,
    entryBytes: 46,
    entryCount: 48,
    namesIndex: 50,
    section: { bytes: 40, offset: 16, size: 20 },
  },
  2: {
    bits: 64,
    headBytes: 64,
    tableOffset: 40,
    entryBytes: 58,
    entryCount: 60,
    namesIndex: 62,
    section: { bytes: 64, offset: 24, size: 32 },
  },
};

/**
 * @param remedy what to do when it is no ELF file at all
 * @throws BackendError `artifact` where it is no ELF file, or a section lies outside
 */
export async function readElf(file: ArtifactFile, remedy?: string): Promise<Elf> {
  const ident = await file.read(0, Math.min(16, file.sizeBytes), "ELF header");
  const layout = ident.sizeBytes === 16 ? LAYOUTS[ident.u8(4)] : undefined;
  if (layout === undefined || ident.bytes.toString("latin1", 0, 4) !== "\u007fELF") {
    throw file.place.refusal("it is no ELF file of 32 or 64 bits", remedy);
  }
  if (ident.u8(5) !== 1) {
    throw ident.place.refusal(`byte order ${ident.u8(5)}, expected 1, little-endian`);
  }
  const head = await file.read(0, layout.headBytes, "ELF header");
  const table = await readTable(file, head, layout);
  return { bits: layout.bits, sections: await readSections(file, head, table, layout) };
}

async function readTable(file: ArtifactFile, head: ByteView, layout: Layout): Promise<ByteView> {
  const entryBytes = head.u16(layout.entryBytes);
  if (entryBytes !== layout.section.bytes) {
    throw head.place.refusal(
      `section headers of ${entryBytes} bytes, expected ${layout.section.bytes}`,
    );
  }
  const count = head.u16(layout.entryCount);
  if (count === 0 || count > MAX_SECTIONS) {
    throw head.place.refusal(`${count} sections, expected 1 to ${MAX_SECTIONS}`);
  }
  return file.read(offsetAt(head, layout.tableOffset, layout), count * entryBytes, "section table");
}

async function readSections(
  file: ArtifactFile,
  head: ByteView,
  table: ByteView,
  layout: Layout,
): Promise<ElfSection[]> {
  const { bytes, offset, size } = layout.section;
  const entries = Array.from({ length: table.sizeBytes / bytes }, (_, index) => ({
    nameAt: table.u32(index * bytes),
    type: table.u32(index * bytes + 4),
    offset: offsetAt(table, index * bytes + offset, layout),
    sizeBytes: offsetAt(table, index * bytes + size, layout),
  }));
  const namesIndex = head.u16(layout.namesIndex);
  const of = entries[namesIndex];
  if (of === undefined) {
    throw head.place.refusal(
      `names of sections in section ${namesIndex}, expected one of ${entries.length}`,
    );
  }
  const names = await file
    .part(of.offset, of.sizeBytes, "names of sections")
    .readAll(MAX_NAMES_BYTES);
  return entries
    .filter(({ type }) => type !== NULL && type !== NOBITS)
    .map((entry) => {
      const name = nameOf(names, entry.nameAt);
      // Checks that the section lies within the file.
      file.part(entry.offset, entry.sizeBytes, `section '${name}'`);
      return { name, offset: entry.offset, sizeBytes: entry.sizeBytes };
    })
    .filter(({ name }) => name !== "");
}

function offsetAt(view: ByteView, at: number, { bits }: Layout): number {
  return bits === 32 ? view.u32(at) : view.length64(at);
}

function nameOf(names: ByteView, at: number): string {
  if (at >= names.sizeBytes) {
    throw names.place.refusal(`a name at byte ${at}, expected before ${names.sizeBytes}`);
  }
  return names.fixedText(at, Math.min(MAX_NAME_BYTES, names.sizeBytes - at));
}
