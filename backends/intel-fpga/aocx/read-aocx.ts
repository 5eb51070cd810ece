/**
 * Reads a file of Intel's FPGA SDK for OpenCL without its runtime: an ELF file
 * whose sections `.acl.*` are texts, and an image where the compiler came so far
 * (`.aocx`; an `.aocr` has none yet). The format has no checksum.
 */
import { type ArtifactFile, withArtifactFile } from "../../common/artifact-file/artifact-file.ts";
import { clean } from "../../common/artifact-file/byte-view.ts";
import { present } from "../../common/artifact-file/present.ts";
import { ElfSections } from "../../common/elf/elf-sections.ts";
import { type AocxMemory, type Autodiscovery, readAutodiscovery } from "./autodiscovery.ts";
import { type CompileFacts, readCompileFacts } from "./compile-facts.ts";
import { type FpgaImage, readFpgaImage } from "./fpga-image.ts";
import { type AocxKernel, checkSameKernels, readKernelArgInfo } from "./kernels.ts";

const MAX_LINE_BYTES = 4096;
const MAX_TEXT_BYTES = 1024 * 1024;

export interface Aocx {
  readonly sizeBytes: number;
  /** Name of the board in its package (BSP), `a10_ref_small`. */
  readonly board: string;
  /** `hardware` holds an image, `linked` (.aocr) not yet, `emulator` is code for a CPU. */
  readonly stage: "hardware" | "linked" | "emulator";
  /** Of the compiler, `2024.2.1`. */
  readonly version?: string;
  /** `fpga` */
  readonly target?: string;
  /** Tells images apart: differs from build to build. */
  readonly hash?: string;
  readonly kernels: readonly AocxKernel[];
  readonly memories?: readonly AocxMemory[];
  readonly image?: FpgaImage;
  readonly compile: CompileFacts;
  readonly sections: readonly string[];
}

/**
 * @param format `aocx` or `aocr`, for the words of errors
 * @throws BackendError `artifact` saying what was read, where, and what was expected
 */
export function readAocx(path: string, format = "aocx"): Promise<Aocx> {
  return withArtifactFile(path, format, readAocxFile);
}

export async function readAocxFile(file: ArtifactFile): Promise<Aocx> {
  const remedy = "name an .aocx or .aocr file made by aoc (Intel FPGA SDK for OpenCL)";
  const elf = await ElfSections.of(file, remedy);
  const line = async (name: string) => cleaned(await elf.text(name, MAX_LINE_BYTES));
  const board = await line(".acl.board");
  if (board === undefined) throw file.place.refusal("it has no section .acl.board", remedy);
  const discovered = await discover(elf);
  checkBoard(file, board, discovered);
  const image = elf.part(".acl.fpga.bin");
  return {
    sizeBytes: file.sizeBytes,
    board,
    stage: stageOf(elf),
    kernels: await kernelsOf(file, elf, discovered),
    compile: await readCompileFacts(elf),
    sections: elf.names,
    ...present({
      // The build's own number follows: 2024.2.1.bab112ff9e1d...
      version: (await line(".acl.version"))?.replace(/^(\d+(?:\.\d+)*)\.[0-9a-f]{20,}$/, "$1"),
      target: await line(".acl.target"),
      hash: (await line(".acl.rand_hash")) ?? discovered?.hash,
      memories: discovered?.memories,
      image: image === undefined ? undefined : await readFpgaImage(image),
    }),
  };
}

async function discover(elf: ElfSections): Promise<Autodiscovery | undefined> {
  const view = await elf.view(".acl.autodiscovery", MAX_TEXT_BYTES);
  return view === undefined ? undefined : readAutodiscovery(view);
}

function checkBoard(file: ArtifactFile, board: string, discovered?: Autodiscovery): void {
  if (discovered === undefined || discovered.board === board) return;
  throw file.place
    .part("section .acl.autodiscovery")
    .refusal(`board '${discovered.board}', expected '${board}' as in .acl.board`);
}

async function kernelsOf(
  file: ArtifactFile,
  elf: ElfSections,
  discovered?: Autodiscovery,
): Promise<readonly AocxKernel[]> {
  const view = await elf.view(".acl.kernel_arg_info.xml", MAX_TEXT_BYTES);
  const described = view === undefined ? undefined : readKernelArgInfo(view);
  if (discovered === undefined) return described ?? [];
  if (described !== undefined) checkSameKernels(file.place, discovered.kernels, described);
  return discovered.kernels;
}

function stageOf(elf: ElfSections): Aocx["stage"] {
  if (elf.names.some((name) => name.startsWith(".acl.emulator_object"))) return "emulator";
  return (elf.sizeBytes(".acl.fpga.bin") ?? 0) > 0 ? "hardware" : "linked";
}

const cleaned = (text: string | undefined) => (text === undefined ? undefined : clean(text));
