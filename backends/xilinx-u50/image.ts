/**
 * Reads an xclbin before XRT sees it: XRT 2.13 trusts every length and crashes on a file that is
 * cut off. All that the host relies on is checked here; sections it does not need are not read.
 */
import { type Artifact, BackendError, type KernelManifest } from "../contract.ts";
import { readKernelMetadata } from "./board/read-kernel-metadata.ts";
import { HEADER, MODE_SW_EMU, SECTION_KINDS, type SectionKind } from "./xclbin-writer/axlf.ts";
import { unitNames } from "./xclbin-writer/emulated-xclbin.ts";
import type { KernelMetadata } from "./xclbin-writer/kernel-metadata.ts";
import type { Link } from "./xclbin-writer/layout-sections.ts";

export interface ImageFacts {
  /** VBNV of the shell. */
  readonly platform: string;
  readonly uuid: string;
  /** Compiled for software emulation: runs on no real card. */
  readonly emulation: boolean;
  readonly kernels: readonly KernelMetadata[];
  /** `kernel:unit`, in the order that `links` count in. */
  readonly units: readonly string[];
  readonly banks: readonly { readonly tag: string; readonly used: boolean }[];
  readonly links: readonly Link[];
}

const MOST_SECTIONS = 128;

/** @throws BackendError `artifact` that says what is wrong. */
export function readImageFacts(file: Buffer): ImageFacts {
  const sections = readSections(file);
  const text = (at: number, length: number) => cString(file.subarray(at, at + length));
  const units = entries(sections.IP_LAYOUT, "IP_LAYOUT", { head: 8, size: 80 }).map((entry) =>
    cString(entry.subarray(16, 80)),
  );
  const banks = entries(sections.MEM_TOPOLOGY, "MEM_TOPOLOGY", { head: 8, size: 40 }).map(
    (entry) => ({ tag: cString(entry.subarray(24, 40)), used: entry.readUInt8(1) !== 0 }),
  );
  const links = entries(sections.CONNECTIVITY, "CONNECTIVITY", { head: 4, size: 12 }).map(
    (entry) => ({
      argument: entry.readInt32LE(0),
      unit: entry.readInt32LE(4),
      bank: entry.readInt32LE(8),
    }),
  );
  const kernels = readKernels(sections.EMBEDDED_METADATA);
  for (const { argument, unit, bank } of links) {
    if (units[unit] !== undefined && banks[bank]?.used === true) continue;
    throw bad(
      `CONNECTIVITY wires argument ${argument} of unit ${unit} to bank ${bank}, which the image lacks`,
    );
  }
  for (const { name, arguments: all, units: own } of kernels) {
    for (const unit of own) {
      const index = units.indexOf(unit.name);
      if (index === -1) throw bad(`IP_LAYOUT lacks compute unit "${unit.name}"`);
      for (const { index: argument, global } of all) {
        const wired = links.some((link) => link.unit === index && link.argument === argument);
        if (global && !wired)
          throw bad(`kernel "${name}": argument ${argument} is wired to no bank`);
      }
    }
  }
  return {
    platform: text(HEADER.platform, HEADER.platformBytes),
    uuid: file.toString("hex", HEADER.uuid, HEADER.uuid + 16),
    emulation: file.readUInt16LE(HEADER.mode) === MODE_SW_EMU,
    ...{ kernels, units, banks, links },
  };
}

/** @throws BackendError `artifact` where the manifest describes another image. */
export function checkManifest(facts: ImageFacts, { manifest }: Artifact): void {
  if (manifest === undefined) return;
  const { platform } = manifest.artifact;
  if (platform !== facts.platform) {
    throw bad(`it was made for ${facts.platform}, the manifest says ${platform}`);
  }
  if (manifest.kernel === undefined) throw bad(`the manifest has no "kernel"`);
  checkKernel(facts, manifest.kernel);
}

function checkKernel({ kernels, units, links }: ImageFacts, wanted: KernelManifest): void {
  const found = kernels.find(({ name }) => name === wanted.name);
  if (found === undefined) {
    const names = kernels.map(({ name }) => `"${name}"`).join(", ");
    throw bad(`no kernel "${wanted.name}"; it has ${names || "none"}`);
  }
  if (found.arguments.length !== wanted.arguments.length) {
    throw bad(
      `kernel "${wanted.name}" takes ${found.arguments.length} arguments, the manifest names ${wanted.arguments.length}`,
    );
  }
  const own = unitNames(wanted).map((name) => units.indexOf(`${wanted.name}:${name}`));
  if (wanted.computeUnits.length > 0 && own.includes(-1)) {
    throw bad(
      `compute units ${wanted.computeUnits.join(", ")} are not those of the image: ${units.join(", ")}`,
    );
  }
  for (const argument of wanted.arguments) {
    const { index } = argument;
    const global = found.arguments.find((one) => one.index === index)?.global;
    if (global !== (argument.role !== "rows")) {
      throw bad(`argument ${index} of kernel "${wanted.name}" is no ${argument.role}`);
    }
    if (argument.role === "rows") continue;
    for (const [i, bank] of (argument.banks ?? []).entries()) {
      if (
        links.some((link) => link.argument === index && link.unit === own[i] && link.bank === bank)
      )
        continue;
      throw bad(
        `argument ${index} of unit ${i} is not wired to bank ${bank}, as the manifest says`,
      );
    }
  }
}

type Sections = Readonly<Record<SectionKind, Buffer | undefined>>;

function readSections(file: Buffer): Sections {
  if (file.byteLength < HEADER.byteLength) {
    throw bad(`${file.byteLength} bytes; a header alone has ${HEADER.byteLength}`);
  }
  if (file.toString("latin1", 0, 8) !== HEADER.magic) throw bad("it does not begin as one");
  const length = file.readBigUInt64LE(HEADER.length);
  const signature = Math.max(0, file.readInt32LE(HEADER.signatureLength));
  if (
    length !== BigInt(file.byteLength) &&
    length + BigInt(signature) !== BigInt(file.byteLength)
  ) {
    throw bad(`its header says ${length} bytes, the file has ${file.byteLength}`);
  }
  const count = file.readUInt32LE(HEADER.sectionCount);
  const tableEnd = HEADER.byteLength + count * HEADER.sectionByteLength;
  if (count === 0 || count > MOST_SECTIONS || tableEnd > file.byteLength)
    throw bad(`${count} sections`);
  const found: Partial<Record<SectionKind, Buffer>> = {};
  const taken: { from: number; to: number }[] = [];
  for (let i = 0; i < count; i++) {
    const at = HEADER.byteLength + i * HEADER.sectionByteLength;
    const from = Number(file.readBigUInt64LE(at + 24));
    const to = from + Number(file.readBigUInt64LE(at + 32));
    if (from < tableEnd || to > file.byteLength) throw bad(`section ${i} lies outside the file`);
    if (taken.some((other) => from < other.to && other.from < to))
      throw bad(`section ${i} overlaps another`);
    taken.push({ from, to });
    const kind = KIND_NAMES.get(file.readUInt32LE(at));
    if (kind === undefined) continue;
    if (found[kind] !== undefined) throw bad(`two sections ${kind}`);
    found[kind] = file.subarray(from, to);
  }
  for (const kind of NEEDED) {
    if ((found[kind]?.byteLength ?? 0) === 0) throw bad(`no section ${kind}`);
  }
  return found as Sections;
}

const KIND_NAMES = new Map(
  Object.entries(SECTION_KINDS).map(([name, kind]) => [kind as number, name as SectionKind]),
);
/** XRT itself finds no compute units or banks without them. */
const NEEDED = [
  "BITSTREAM",
  "MEM_TOPOLOGY",
  "IP_LAYOUT",
  "CONNECTIVITY",
  "EMBEDDED_METADATA",
] as const;

function entries(
  section: Buffer | undefined,
  name: SectionKind,
  { head, size }: { head: number; size: number },
) {
  if (section === undefined || section.byteLength < head) throw bad(`section ${name} is cut off`);
  const count = section.readInt32LE(0);
  if (count < 0 || head + count * size > section.byteLength) {
    throw bad(`section ${name}: ${count} entries in ${section.byteLength} bytes`);
  }
  return Array.from({ length: count }, (_, i) =>
    section.subarray(head + i * size, head + (i + 1) * size),
  );
}

function readKernels(section: Buffer | undefined): KernelMetadata[] {
  try {
    return readKernelMetadata(section?.toString("utf8") ?? "");
  } catch (cause) {
    throw bad(`section EMBEDDED_METADATA: ${(cause as Error).message}`);
  }
}

function cString(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end === -1 ? bytes.byteLength : end);
}

const bad = (reason: string) => new BackendError("artifact", `not a sound xclbin: ${reason}`);
