/** A quantised network as the variant of a model: `<model>/<version>/<variant>/` with manifest and artifact. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Network,
  type NetworkTensor,
  readNetwork,
} from "../../../backends/common/fixed-point/network.ts";
import { storageBitsOf } from "../../../backends/common/fixed-point/type.ts";
import type {
  ArtifactManifest,
  KernelArgument,
  KernelManifest,
  ManifestTensor,
} from "../../../backends/contract.ts";
import { KERNEL, openClSource } from "../../../backends/intel-fpga/generate/opencl-source.ts";
import { compileNetwork } from "../../../backends/xilinx-u50/board/compile-network.ts";
import { U50_PLATFORM } from "../../../backends/xilinx-u50/platform.ts";
import { emulatedXclbin } from "../../../backends/xilinx-u50/xclbin-writer/emulated-xclbin.ts";

export const BOARDS = ["u50", "intel"] as const;
export type Board = (typeof BOARDS)[number];

export interface VariantOptions {
  /** Of the artifact's file, without its ending. */
  readonly name: string;
  /** The same for variants that give the same bits. */
  readonly numericClass: string;
  /** "floats": FP32, quantised and restored by the gateway. "integers": raw integers, as they are. */
  readonly clients: "floats" | "integers";
  /** How the kernel lies on a U50. */
  readonly units: number;
  readonly buffersPerUnit: number;
  readonly rowsPerCall: number;
}

export interface Variant {
  readonly manifest: ArtifactManifest;
  readonly artifact: Uint8Array;
}

/**
 * The same bytes for the same network and options.
 * @param json as `common/fixed-point/README.md` tells it
 * @throws BackendError `artifact` where the board cannot compute the network
 */
export function compileVariant(board: Board, json: unknown, options: VariantOptions): Variant {
  const network = readNetwork(json);
  const inputs = network.inputs.map((tensor) => manifestTensor(tensor, options));
  const outputs = network.outputs.map((tensor) => manifestTensor(tensor, options));
  const tensors = { inputs, outputs };
  const { artifact, ...parts } =
    board === "u50" ? forU50(network, json, tensors, options) : forIntel(network, tensors, options);
  const digest = `sha256:${createHash("sha256").update(artifact).digest("hex")}`;
  const manifest: ArtifactManifest = {
    manifest: 1,
    ...{ backend: parts.backend, vendor: parts.vendor },
    artifact: { file: parts.file, format: parts.format, platform: parts.platform, digest },
    numericClass: options.numericClass,
    ...tensors,
    kernel: parts.kernel,
  };
  return { manifest, artifact };
}

export function writeVariant(folder: string, { manifest, artifact }: Variant): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, manifest.artifact.file), artifact);
  writeFileSync(join(folder, "manifest.json"), manifestText(manifest));
}

export function manifestText(manifest: ArtifactManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

interface Tensors {
  readonly inputs: readonly ManifestTensor[];
  readonly outputs: readonly ManifestTensor[];
}

function forU50(network: Network, json: unknown, tensors: Tensors, options: VariantOptions) {
  compileNetwork(network);
  const { name, units, buffersPerUnit, rowsPerCall } = options;
  const banks = Array.from({ length: units }, (_, unit) => unit);
  const kernel: KernelManifest = {
    name: KERNEL,
    computeUnits: banks.map((unit) => `${KERNEL}_${unit + 1}`),
    arguments: buffers(tensors).map((argument) => ({ ...argument, banks })),
    ...{ rowsPerCall, buffersPerUnit },
  };
  const platform = U50_PLATFORM;
  const program = { op: "network", network: json } as const;
  return {
    ...{ backend: "xilinx-u50", vendor: "xilinx", file: `${name}.xclbin`, format: "xclbin" },
    ...{ platform, kernel },
    artifact: emulatedXclbin({ kernel, ...tensors, platform, program }),
  };
}

function forIntel(network: Network, tensors: Tensors, { name }: VariantOptions) {
  const pointers = buffers(tensors);
  const kernel: KernelManifest = {
    ...{ name: KERNEL, computeUnits: [] },
    arguments: [...pointers, { index: pointers.length, role: "rows" }],
  };
  return {
    ...{ backend: "intel-fpga", vendor: "intel", file: `${name}.cl`, format: "cl" },
    ...{ platform: "pocl", kernel },
    artifact: Buffer.from(openClSource(network)),
  };
}

type Buffers = Extract<KernelArgument, { tensor: string }>;

function buffers({ inputs, outputs }: Tensors): readonly Buffers[] {
  return [
    ...inputs.map((tensor) => ({ role: "input" as const, tensor: tensor.name })),
    ...outputs.map((tensor) => ({ role: "output" as const, tensor: tensor.name })),
  ].map((argument, index) => ({ index, ...argument }));
}

function manifestTensor(
  { name, elements, type }: NetworkTensor,
  { clients }: VariantOptions,
): ManifestTensor {
  const bits = storageBitsOf(type);
  const integers = `${type.signed ? "" : "U"}INT${bits}` as ManifestTensor["datatype"];
  const datatype = clients === "floats" ? "FP32" : integers;
  return { name, datatype, shape: [elements], encoding: type };
}
