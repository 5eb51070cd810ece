/**
 * Reads an image for an AMD/Xilinx card without XRT: `.xclbin`, and `.awsxclbin`
 * whose bitstream is the name of an image that AWS keeps. Unknown sections are
 * carried along by number, known ones are read strictly and must agree with each
 * other. The format has no checksum; a signature is noticed, not verified.
 */
import { type ArtifactFile, withArtifactFile } from "../../common/artifact-file/artifact-file.ts";
import type { ByteView } from "../../common/artifact-file/byte-view.ts";
import { present } from "../../common/artifact-file/present.ts";
import { type BuildMetadata, readBuildMetadata, readKeyValues } from "./build-metadata.ts";
import { type Clock, readClocks } from "./clocks.ts";
import { type Connection, readConnectivity } from "./connectivity.ts";
import { checkConsistency } from "./consistency.ts";
import { entryOffsets } from "./counted-entries.ts";
import { readEmbeddedMetadata, type XclbinKernel } from "./embedded-metadata.ts";
import { readHeader, type XclbinHeader } from "./header.ts";
import { type IpBlock, readIpLayout } from "./ip-layout.ts";
import { type MemoryBank, readMemTopology } from "./mem-topology.ts";
import { readPartitionMetadata } from "./partition-metadata.ts";
import type { SectionName } from "./sections.ts";

const KIB = 1024;
/** Some thousand compute units, some ten thousand wires. */
const MAX_TABLE_BYTES = 256 * KIB;
const MAX_JSON_BYTES = 4096 * KIB;
/** Half a megabyte has been seen; it grows with the loops of the source. */
const MAX_XML_BYTES = 8192 * KIB;
/** An AFI id such as `agfi-0b8f600efd81ed4d8`. */
const AFI = /^a(?:g)?fi-[0-9a-f]{8,17}$/;
const MAX_AFI_BYTES = 64;

/** Tables are absent where the image has no such section, as those of old software emulation. */
export interface Xclbin extends XclbinHeader {
  readonly sizeBytes: number;
  /** Length of the BITSTREAM section, 0 without one. */
  readonly bitstreamBytes: number;
  /** Id of the image on AWS; such a file programs nothing but an F1 instance. */
  readonly afi?: string;
  readonly banks?: readonly MemoryBank[];
  readonly ips?: readonly IpBlock[];
  readonly connections?: readonly Connection[];
  readonly kernels?: readonly XclbinKernel[];
  /** Part number of the silicon. */
  readonly fpga?: string;
  readonly clocks?: readonly Clock[];
  readonly build?: BuildMetadata;
  readonly keyValues?: Readonly<Record<string, string>>;
  /** UUIDs of shell interfaces named in PARTITION_METADATA. */
  readonly partitionInterfaces?: readonly string[];
}

/** @throws BackendError `artifact` saying what was read, where, and what was expected */
export function readXclbin(path: string): Promise<Xclbin> {
  return withArtifactFile(path, "xclbin", readXclbinFile);
}

export async function readXclbinFile(file: ArtifactFile): Promise<Xclbin> {
  const header = await readHeader(file);
  const sections = new Sections(file, header);
  const tables = await readTables(sections);
  const metadata = await sections.read("EMBEDDED_METADATA", MAX_XML_BYTES, readEmbeddedMetadata);
  const clocks = await sections.read("CLOCK_FREQ_TOPOLOGY", MAX_TABLE_BYTES, readClocks);
  const build = await sections.read("BUILD_METADATA", MAX_JSON_BYTES, readBuildMetadata);
  const keyValues = await sections.read("KEYVALUE_METADATA", MAX_JSON_BYTES, readKeyValues);
  const partitionInterfaces = await sections.read(
    "PARTITION_METADATA",
    MAX_TABLE_BYTES,
    readPartitionMetadata,
  );
  if (metadata !== undefined && tables.ips !== undefined) {
    const { ips, connections = [], banks = [] } = tables;
    checkConsistency(file.place, { kernels: metadata.kernels, ips, connections, banks });
  }
  return {
    ...header,
    sizeBytes: file.sizeBytes,
    bitstreamBytes: sections.sizeBytes("BITSTREAM"),
    ...tables,
    ...metadata,
    ...present({ afi: await readAfi(sections), clocks, build, keyValues, partitionInterfaces }),
  };
}

async function readTables(sections: Sections) {
  const banks = await sections.read("MEM_TOPOLOGY", MAX_TABLE_BYTES, readMemTopology);
  const ips = await sections.read("IP_LAYOUT", MAX_TABLE_BYTES, readIpLayout);
  const wires = (view: ByteView, of: readonly MemoryBank[] = []) =>
    readConnectivity(view, ips?.length ?? 0, of.length);
  const connections = await sections.read("CONNECTIVITY", MAX_TABLE_BYTES, (view) =>
    wires(view, banks),
  );
  // XRT prefers the grouped tables where an image has them: they must hold, too.
  const groups = await sections.read("ASK_GROUP_TOPOLOGY", MAX_TABLE_BYTES, readMemTopology);
  await sections.read("ASK_GROUP_CONNECTIVITY", MAX_TABLE_BYTES, (view) => wires(view, groups));
  // Its profiler goes by this count.
  await sections.read("DEBUG_IP_LAYOUT", MAX_TABLE_BYTES, (view) =>
    entryOffsets(view, view.u16(0), { headBytes: 8, entryBytes: 144 }),
  );
  return present({ banks, ips, connections });
}

async function readAfi(sections: Sections): Promise<string | undefined> {
  if (sections.sizeBytes("BITSTREAM") > MAX_AFI_BYTES) return undefined;
  const text = await sections.read("BITSTREAM", MAX_AFI_BYTES, (view) => view.text());
  return text !== undefined && AFI.test(text) ? text : undefined;
}

class Sections {
  readonly #file: ArtifactFile;
  readonly #header: XclbinHeader;

  constructor(file: ArtifactFile, header: XclbinHeader) {
    this.#file = file;
    this.#header = header;
  }

  sizeBytes(name: SectionName): number {
    return this.#header.sections.find((section) => section.name === name)?.sizeBytes ?? 0;
  }

  /** What `parse` makes of a section; undefined where the image has none or an empty one. */
  async read<T>(
    name: SectionName,
    maxBytes: number,
    parse: (view: ByteView) => T,
  ): Promise<T | undefined> {
    const section = this.#header.sections.find((candidate) => candidate.name === name);
    if (section === undefined || section.sizeBytes === 0) return undefined;
    const { offset, sizeBytes } = section;
    const part = this.#file.part(offset, sizeBytes, `section ${name} at byte ${offset}`);
    return parse(await part.readAll(maxBytes));
  }
}
