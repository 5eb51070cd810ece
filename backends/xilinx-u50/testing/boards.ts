/** For tests: whether emulated boards can run here, and one execution on one of them. */
import { existsSync } from "node:fs";
import type { Execution, ModelInstance, Tensor } from "../../contract.ts";
import { EMULATION_LIBRARY, findLibraries, OPENCL_LIBRARY } from "../xrt/libraries.ts";

const LOADERS = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
];

/** Why boards cannot run here; undefined: they can. */
export function missingXrt(): string | undefined {
  if (findLibraries(OPENCL_LIBRARY, EMULATION_LIBRARY) === undefined) {
    return "XRT is not installed (Debian: libxrt1)";
  }
  if (LOADERS.some((folder) => existsSync(`${folder}/libOpenCL.so.1`))) return undefined;
  return "no OpenCL loader is installed (Debian: ocl-icd-libopencl1)";
}

export const signal = new AbortController().signal;

export function executionOf(
  inputs: readonly Tensor[],
  rows: number,
  outputs: readonly string[],
): Execution {
  return { inputs, outputs, members: [{ rows }], reserve: () => undefined };
}

/** The outputs in plain form, to compare. */
export async function run(
  instance: ModelInstance,
  { inputs, outputs }: { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] },
): Promise<string[]> {
  const rows = inputs[0]?.shape[0] ?? 1;
  const names = outputs.map(({ name }) => name);
  return (await instance.execute(executionOf(inputs, rows, names), signal)).map(plain);
}

export const plain = ({ name, shape, data }: Tensor) =>
  `${name} [${shape}] ${Buffer.from(data).toString("hex")}`;
