/** What each argument of a kernel is, from the manifest, checked before anything native sees it. */
import {
  type ArtifactManifest,
  BackendError,
  type KernelArgument,
  type KernelManifest,
  type ManifestTensor,
} from "../../contract.ts";
import { type Layout, layoutOf } from "../fixed-point/layout.ts";

/** A tensor and the argument that carries it. */
export interface WiredTensor {
  readonly argument: number;
  readonly tensor: ManifestTensor;
  readonly layout: Layout;
  /** A memory bank per compute unit; absent where the board has one memory. */
  readonly banks?: readonly number[];
}

export interface KernelWiring {
  readonly kernel: KernelManifest;
  /** In the manifest's order. */
  readonly inputs: readonly WiredTensor[];
  readonly outputs: readonly WiredTensor[];
  /** Argument that takes the number of rows. */
  readonly rowsArgument?: number;
  /** As `clCreateKernel` wants them, one per compute unit. */
  readonly unitNames: readonly string[];
  readonly buffersPerUnit: number;
}

/** XRT picks a compute unit of a kernel by `kernel:{unit}`; elsewhere every unit is a kernel function of its own. */
export type UnitNaming = "xrt" | "functions";

/** @throws BackendError `artifact` naming what the manifest lacks or contradicts */
export function wireKernel(
  manifest: ArtifactManifest | undefined,
  naming: UnitNaming = "xrt",
): KernelWiring {
  if (manifest === undefined) {
    throw misfit("missing; a manifest.json beside the artifact must tell tensors and arguments");
  }
  const { kernel } = manifest;
  if (kernel === undefined) throw misfit(`"kernel" is missing`);
  checkIndices(kernel);
  const tell = (role: "input" | "output", tensors: readonly ManifestTensor[]) =>
    tensors.map((tensor) => wire(kernel, role, tensor));
  const inputs = tell("input", manifest.inputs);
  const outputs = tell("output", manifest.outputs);
  if (outputs.length === 0) throw misfit("no outputs");
  const rows = kernel.arguments.filter(({ role }) => role === "rows");
  if (inputs.length + outputs.length + rows.length !== kernel.arguments.length) {
    throw misfit(`kernel "${kernel.name}": an argument names no tensor of the manifest`);
  }
  if (rows.length > 1) throw misfit(`kernel "${kernel.name}": two arguments take the rows`);
  checkRows(kernel, rows.length);
  const { buffersPerUnit = 2 } = kernel;
  if (!isCount(buffersPerUnit)) throw misfit(`buffersPerUnit ${buffersPerUnit} is no count`);
  return {
    kernel,
    inputs,
    outputs,
    ...(rows[0] === undefined ? {} : { rowsArgument: rows[0].index }),
    unitNames: unitNames(kernel, naming),
    buffersPerUnit,
  };
}

function unitNames({ name, computeUnits }: KernelManifest, naming: UnitNaming): readonly string[] {
  if (computeUnits.length === 0) return [name];
  if (new Set(computeUnits).size !== computeUnits.length) {
    throw misfit(`kernel "${name}": a compute unit is named twice`);
  }
  return naming === "xrt" ? computeUnits.map((unit) => `${name}:{${unit}}`) : computeUnits;
}

function checkIndices({ name, arguments: given }: KernelManifest): void {
  const indices = given.map(({ index }) => index).sort((a, b) => a - b);
  if (indices.every((index, at) => index === at)) return;
  throw misfit(`kernel "${name}": arguments are numbered ${indices.join(", ")}, not from 0 on`);
}

function checkRows({ name, rowsPerCall }: KernelManifest, rowsArguments: number): void {
  if (rowsPerCall === undefined && rowsArguments === 0) {
    throw misfit(`kernel "${name}": neither "rowsPerCall" nor an argument tells its rows`);
  }
  if (rowsPerCall !== undefined && !isCount(rowsPerCall)) {
    throw misfit(`kernel "${name}": rowsPerCall ${rowsPerCall} is no count`);
  }
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 2 ** 31 - 1;
}

function wire(
  kernel: KernelManifest,
  role: "input" | "output",
  tensor: ManifestTensor,
): WiredTensor {
  const found = kernel.arguments.filter(
    (argument): argument is Extract<KernelArgument, { tensor: string }> =>
      argument.role === role && argument.tensor === tensor.name,
  );
  const [argument] = found;
  if (argument === undefined || found.length > 1) {
    const count = found.length === 0 ? "no argument" : `${found.length} arguments`;
    throw misfit(`kernel "${kernel.name}": ${count} for ${role} "${tensor.name}"`);
  }
  const { index, banks } = argument;
  const units = Math.max(1, kernel.computeUnits.length);
  if (banks !== undefined && banks.length !== units) {
    throw misfit(`argument ${index}: ${banks.length} banks for ${units} compute units`);
  }
  return {
    argument: index,
    tensor,
    layout: layoutOf(tensor),
    ...(banks === undefined ? {} : { banks }),
  };
}

function misfit(reason: string): BackendError {
  return new BackendError("artifact", `manifest: ${reason}`);
}

/** True where the bytes of rows are the same with the client and in the board's memory. */
export function travelsAsItIs({ tensor, encoding, storageBytes, ...layout }: Layout): boolean {
  if (layout.rowBytes !== layout.clientRowBytes) return false;
  if (encoding === undefined) return true;
  return /^U?INT/.test(tensor.datatype) && encoding.w === 8 * storageBytes;
}
