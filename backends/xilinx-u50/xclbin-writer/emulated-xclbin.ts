/** Writes xclbins for the emulated U50: what Vitis' link stage does for a real one. */
import { createHash } from "node:crypto";
import { layoutOf } from "../../common/fixed-point/layout.ts";
import type { KernelManifest, ManifestTensor } from "../../contract.ts";
import { type Bitstream, type Port, type Program, writeBitstream } from "../board/bitstream.ts";
import {
  BANK_COUNT,
  MOST_UNITS,
  UNIT_BASE,
  UNIT_STRIDE,
  u50Banks,
  vbnvParts,
} from "../platform.ts";
import { MODE_SW_EMU, writeAxlf } from "./axlf.ts";
import { type KernelArgumentMetadata, writeKernelMetadata } from "./kernel-metadata.ts";
import { connectivity, ipLayout, type Link, memTopology } from "./layout-sections.ts";

export interface EmulatedXclbin {
  readonly kernel: KernelManifest;
  readonly inputs: readonly ManifestTensor[];
  readonly outputs: readonly ManifestTensor[];
  /** VBNV of the shell. */
  readonly platform: string;
  readonly program: Program;
  /** What CONNECTIVITY tells the host. Default: how the kernel is wired, as the manifest says. */
  readonly links?: readonly Link[];
}

/** Registers before the first argument: control, interrupts. */
const FIRST_ARGUMENT = 0x10;
/** A 64-bit pointer and a reserved word; a 32-bit scalar and a reserved word (Vitis HLS, `s_axilite`). */
const POINTER = { size: 8, stride: 12 };
const SCALAR = { size: 4, stride: 8 };

/**
 * The same bytes for the same arguments.
 * @throws Error where the manifest's kernel does not fit its tensors or the board.
 */
export function emulatedXclbin(given: EmulatedXclbin): Buffer {
  const { kernel, platform } = given;
  const units = unitNames(kernel).map((name, i) => ({
    name: `${kernel.name}:${name}`,
    base: UNIT_BASE + UNIT_STRIDE * i,
  }));
  if (units.length > MOST_UNITS) {
    throw new Error(
      `kernel ${kernel.name}: ${units.length} compute units, the board has room for ${MOST_UNITS}`,
    );
  }
  const bitstream = wire(given, units.length);
  const links = given.links ?? wiring(bitstream.ports);
  const payload = writeBitstream(bitstream);
  const metadata = writeKernelMetadata(
    { name: kernel.name, arguments: registers(kernel), units },
    vbnvParts(platform),
  );
  const sections = [
    { kind: "BITSTREAM", data: payload },
    { kind: "MEM_TOPOLOGY", data: memTopology(u50Banks(new Set(links.map(({ bank }) => bank)))) },
    { kind: "IP_LAYOUT", data: ipLayout(units) },
    { kind: "CONNECTIVITY", data: connectivity(links) },
    { kind: "EMBEDDED_METADATA", data: Buffer.from(metadata) },
    { kind: "BUILD_METADATA", data: Buffer.from(buildMetadata(platform)) },
  ] as const;
  const hash = createHash("sha256").update(platform);
  for (const { data } of sections) hash.update(data);
  const uuid = hash.digest().subarray(0, 16);
  return writeAxlf({ platform, mode: MODE_SW_EMU, uuid, timestamp: TIMESTAMP, sections });
}

/** Names of the compute units; a kernel without names has one, as Vitis calls it. */
export function unitNames(kernel: KernelManifest): readonly string[] {
  return kernel.computeUnits.length > 0 ? kernel.computeUnits : [`${kernel.name}_1`];
}

/** Fixed, so that an image depends on its content alone. */
const TIMESTAMP = 1_700_000_000;

function wire({ kernel, inputs, outputs, program }: EmulatedXclbin, units: number): Bitstream {
  const ports: Port[] = [];
  let rowsArgument: number | undefined;
  for (const argument of kernel.arguments) {
    if (argument.role === "rows") {
      rowsArgument = argument.index;
      continue;
    }
    const { index, role, tensor: name } = argument;
    const tensor = (role === "input" ? inputs : outputs).find((one) => one.name === name);
    if (tensor === undefined) {
      throw new Error(
        `kernel ${kernel.name}: argument ${index} is ${role} "${name}", which the manifest lacks`,
      );
    }
    const banks = argument.banks ?? Array.from({ length: units }, (_, i) => i);
    if (banks.length !== units || banks.some((bank) => bank < 0 || bank >= BANK_COUNT)) {
      throw new Error(
        `kernel ${kernel.name}: argument ${index} has banks [${banks}]; needed: ${units}, each from 0 to ${BANK_COUNT - 1}`,
      );
    }
    const { elements, storageBytes, rowBytes, encoding } = layoutOf(tensor);
    ports.push({
      ...{ argument: index, role, tensor: name, banks, elements, rowBytes },
      datatype: tensor.datatype,
      storageBits: 8 * storageBytes,
      ...(encoding === undefined ? {} : { encoding }),
    });
  }
  if (rowsArgument === undefined && kernel.rowsPerCall === undefined) {
    throw new Error(`kernel ${kernel.name}: neither an argument with role "rows" nor rowsPerCall`);
  }
  // The program's tensors are in the manifest's order, whatever the order of the arguments.
  const place = ({ role, tensor }: Port) =>
    role === "input"
      ? inputs.findIndex(({ name }) => name === tensor)
      : inputs.length + outputs.findIndex(({ name }) => name === tensor);
  ports.sort((a, b) => place(a) - place(b));
  return {
    kernel: kernel.name,
    ports,
    ...(rowsArgument === undefined ? {} : { rowsArgument }),
    ...(kernel.rowsPerCall === undefined ? {} : { rowsPerCall: kernel.rowsPerCall }),
    program,
  };
}

function wiring(ports: readonly Port[]): Link[] {
  return ports.flatMap(({ argument, banks }) =>
    banks.map((bank, unit) => ({ argument, unit, bank })),
  );
}

function registers(kernel: KernelManifest): KernelArgumentMetadata[] {
  let offset = FIRST_ARGUMENT;
  const sorted = [...kernel.arguments].sort((a, b) => a.index - b.index);
  return sorted.map((argument, i) => {
    if (argument.index !== i) {
      throw new Error(`kernel ${kernel.name}: no argument ${i}, but one ${argument.index}`);
    }
    const global = argument.role !== "rows";
    const { size, stride } = global ? POINTER : SCALAR;
    const name = argument.role === "rows" ? "rows" : argument.tensor;
    const at = offset;
    offset += stride;
    return { name, index: i, global, offset: at, size };
  });
}

function buildMetadata(platform: string): string {
  const { vendor, board, name, major } = vbnvParts(platform);
  return JSON.stringify({
    build_metadata: {
      dsa: { vendor, board_id: board, name, version_major: major, version_minor: "0" },
      xclbin: { generated_by: { name: "beamgate", version: "1", cl: "0", time_stamp: "" } },
    },
  });
}
