/**
 * Head of an AXLF container ("xclbin2") and its table of sections. Layout:
 * `struct axlf`, `axlf_header` and `axlf_section_header` of XRT's xclbin.h.
 */
import type { ArtifactFile } from "../../common/artifact-file/artifact-file.ts";
import type { ByteView } from "../../common/artifact-file/byte-view.ts";
import { present } from "../../common/artifact-file/present.ts";
import { type SectionName, SINGLE_SECTIONS, sectionName } from "./sections.ts";

const MAGIC = "xclbin2";
const HEAD_BYTES = 456;
/** Where `axlf_header` begins. */
const HEADER = 304;
const SECTION_HEADER_BYTES = 40;
/** The largest seen have some 40. */
const MAX_SECTIONS = 1024;

/** `enum XCLBIN_MODE`: what the image was built to run on. */
const TARGETS = ["hw", "hw", "hw", "hw", "hw_emu", "sw_emu", "hw_emu"] as const;
export type Target = (typeof TARGETS)[number];

export interface XclbinSection {
  readonly kind: number;
  readonly name: SectionName | `KIND_${number}`;
  /** Given by whoever added the section, mostly after the project. */
  readonly label: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface XclbinHeader {
  /** Vendor, board, name and version of the platform (VBNV) it was linked for. */
  readonly platform: string;
  readonly target: Target;
  /** Of this image; what XRT compares to know whether a board already holds it. */
  readonly uuid?: string;
  /** Of the shell's interface that the image plugs into; older platforms have none. */
  readonly interfaceUuid?: string;
  /** Of the tool that packed it, `2.11.0`. */
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly createdAt?: string;
  readonly signed: boolean;
  readonly sections: readonly XclbinSection[];
}

/** @throws BackendError `artifact` */
export async function readHeader(file: ArtifactFile): Promise<XclbinHeader> {
  const magic = (await file.read(0, Math.min(8, file.sizeBytes), "header")).fixedText(
    0,
    Math.min(8, file.sizeBytes),
  );
  if (magic !== MAGIC) {
    throw file.place.refusal(
      `it begins with '${magic}', expected '${MAGIC}'`,
      "name an .xclbin or .awsxclbin file made by v++ (Vitis)",
    );
  }
  const head = await file.read(0, HEAD_BYTES, "header");
  const signed = checkLength(head, file.sizeBytes);
  const platform = head.fixedText(HEADER + 48, 64);
  if (platform === "") throw head.place.refusal("no name of a platform at byte 352");
  return {
    platform,
    target: target(head),
    version: `${head.u8(HEADER + 26)}.${head.u8(HEADER + 27)}.${head.u16(HEADER + 24)}`,
    signed,
    ...present({
      uuid: head.uuid(HEADER + 112),
      interfaceUuid: head.uuid(HEADER + 32),
      createdAt: isoTime(head.length64(HEADER + 8)),
    }),
    sections: await readSections(file, head.u32(HEADER + 144)),
  };
}

/** A signature lies behind the container: the file is longer by it. @returns whether it is signed */
function checkLength(head: ByteView, fileBytes: number): boolean {
  const length = head.length64(HEADER);
  const signatureBytes = Math.max(0, head.i32(8));
  if (length + signatureBytes === fileBytes) return signatureBytes > 0;
  const signature = signatureBytes > 0 ? ` and a signature of ${signatureBytes}` : "";
  throw head.place.refusal(
    `a length of ${length} bytes${signature} at byte ${HEADER}, expected ${fileBytes} as the file has`,
  );
}

function target(head: ByteView): Target {
  const mode = head.u16(HEADER + 28);
  const found = TARGETS[mode];
  if (found !== undefined) return found;
  throw head.place.refusal(`mode ${mode} at byte ${HEADER + 28}, expected 0 to 6`);
}

function isoTime(seconds: number): string | undefined {
  // Beyond the year 9999 it is no time.
  if (seconds === 0 || seconds > 253_402_300_799) return undefined;
  return new Date(seconds * 1000).toISOString();
}

async function readSections(file: ArtifactFile, count: number): Promise<XclbinSection[]> {
  const fits = Math.floor((file.sizeBytes - HEAD_BYTES) / SECTION_HEADER_BYTES);
  const most = Math.min(MAX_SECTIONS, fits);
  if (count === 0 || count > most) {
    throw file.place
      .part("header")
      .refusal(`${count} sections at byte ${HEADER + 144}, expected 1 to ${most}`);
  }
  const table = await file.read(HEAD_BYTES, count * SECTION_HEADER_BYTES, "section table");
  const sections = Array.from({ length: count }, (_, index) => {
    const at = index * SECTION_HEADER_BYTES;
    const kind = table.u32(at);
    return {
      kind,
      name: sectionName(kind),
      label: table.fixedText(at + 4, 16),
      offset: table.length64(at + 24),
      sizeBytes: table.length64(at + 32),
    };
  });
  checkBounds(table, sections, file.sizeBytes);
  checkDuplicates(table, sections);
  return sections;
}

function checkBounds(table: ByteView, sections: readonly XclbinSection[], fileBytes: number): void {
  const filled = sections.filter((section) => section.sizeBytes > 0);
  filled.sort((one, other) => one.offset - other.offset);
  let freeFrom = HEAD_BYTES + table.sizeBytes;
  let before = "the section table";
  for (const { name, offset, sizeBytes } of filled) {
    if (offset < freeFrom) {
      throw table.place.refusal(
        `section ${name} begins at byte ${offset}, expected behind ${before}, from ${freeFrom} on`,
      );
    }
    freeFrom = offset + sizeBytes;
    before = `section ${name}`;
    if (freeFrom > fileBytes) {
      throw table.place.refusal(
        `section ${name} ends at byte ${freeFrom}, expected within the ${fileBytes} of the file`,
      );
    }
  }
}

function checkDuplicates(table: ByteView, sections: readonly XclbinSection[]): void {
  const seen = new Set<string>();
  for (const { name } of sections) {
    if (seen.has(name) && SINGLE_SECTIONS.some((single) => single === name)) {
      throw table.place.refusal(`section ${name} occurs twice, expected once`);
    }
    seen.add(name);
  }
}
