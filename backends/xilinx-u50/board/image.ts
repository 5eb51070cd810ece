/** What the board is programmed with: XRT hands over the BITSTREAM and the metadata as two files. */
import { readFileSync } from "node:fs";
import { readBitstream } from "./bitstream.ts";
import { compileProgram } from "./compile-program.ts";
import { ComputeUnit } from "./compute-unit.ts";
import type { DeviceMemory } from "./device-memory.ts";
import { readKernelMetadata } from "./read-kernel-metadata.ts";
import type { Registers } from "./registers.ts";

/**
 * @returns the compute units by the address of their control word.
 * @throws Error where the two do not belong together, or are for another board.
 */
export function program(
  bitstreamFile: string,
  metadataFile: string,
  memory: DeviceMemory,
  registers: Registers,
): ReadonlyMap<number, ComputeUnit> {
  const bitstream = readBitstream(readFileSync(bitstreamFile));
  const kernels = readKernelMetadata(readFileSync(metadataFile, "utf8"));
  const metadata = kernels.find(({ name }) => name === bitstream.kernel);
  if (metadata === undefined) throw new Error(`no metadata for kernel "${bitstream.kernel}"`);
  const compute = compileProgram(bitstream);
  return new Map(
    metadata.units.map(({ name, base }, index) => [
      base,
      new ComputeUnit({ name, base, index, metadata, bitstream, compute, memory, registers }),
    ]),
  );
}
