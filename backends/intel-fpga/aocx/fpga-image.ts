/**
 * `.acl.fpga.bin`: the image of an aocx file. What it is, is up to the board's
 * package: mostly an ELF file again, with a raw image or, for programmable
 * acceleration cards, a packed green bitstream.
 */
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { ArtifactFile } from "../../common/artifact-file/artifact-file.ts";
import { ElfSections } from "../../common/elf/elf-sections.ts";
import { type Gbs, readGbsFile } from "../gbs/read-gbs.ts";

const GBS = ".acl.gbs.gz";
/** Of the packed image; its metadata lies at the front. */
const MAX_PACKED_BYTES = 512 * 1024;
/** Of the unpacked one. */
const MAX_HEAD_BYTES = 256 * 1024;
const ELF_MAGIC = "\u007fELF";

export interface FpgaImage {
  readonly sizeBytes: number;
  /** Names of its sections, where it is an ELF file. */
  readonly sections?: readonly string[];
  readonly gbs?: Omit<Gbs, "imageBytes">;
}

/** @throws BackendError `artifact` where an ELF file inside or its green bitstream is broken */
export async function readFpgaImage(file: ArtifactFile): Promise<FpgaImage> {
  const { sizeBytes } = file;
  const magic = (await file.read(0, Math.min(4, sizeBytes), "image")).bytes.toString("latin1");
  if (magic !== ELF_MAGIC) return { sizeBytes };
  const elf = await ElfSections.of(file);
  const packed = elf.part(GBS);
  if (packed === undefined) return { sizeBytes, sections: elf.names };
  const { imageBytes: _, ...gbs } = await readGbsFile(await unpackHead(packed));
  return { sizeBytes, sections: elf.names, gbs };
}

/** The beginning of a gzip file, as a file. The rest is neither read nor unpacked. */
async function unpackHead(packed: ArtifactFile): Promise<ArtifactFile> {
  const length = Math.min(packed.sizeBytes, MAX_PACKED_BYTES);
  const { bytes } = await packed.read(0, length, "begin");
  const gunzip = createGunzip();
  gunzip.end(bytes);
  const head = await collect(gunzip, MAX_HEAD_BYTES);
  if (head.length === 0) throw packed.place.refusal("it does not unpack, expected gzip");
  const source = {
    async read(buffer: Buffer, offset: number, count: number, position: number) {
      return { bytesRead: head.copy(buffer, offset, position, position + count) };
    },
  };
  return new ArtifactFile(source, head.length, packed.place);
}

/** What arrives until there is enough, or until the input is cut off or broken. */
async function collect(stream: Readable, mostBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let have = 0;
  try {
    for await (const piece of stream) {
      pieces.push(piece);
      have += piece.length;
      if (have >= mostBytes) break;
    }
  } catch (thrown) {
    // A beginning is all that is wanted: that the rest is missing is no error.
    if (!(thrown instanceof Error && "code" in thrown)) throw thrown;
  }
  return Buffer.concat(pieces).subarray(0, mostBytes);
}
