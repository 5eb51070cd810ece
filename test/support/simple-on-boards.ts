/** Triton's `simple` (sum and difference of INT32[16]) as one name for an emulated U50, an Intel-style board and the CPU. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactManifest, KernelManifest } from "../../backends/contract.ts";
import { U50_PLATFORM } from "../../backends/xilinx-u50/platform.ts";
import { emulatedXclbin } from "../../backends/xilinx-u50/xclbin-writer/emulated-xclbin.ts";
import { packageRoot } from "../../src/package-root.ts";

const ELEMENTS = 16;
const CLASS = "int32";
const tensor = (name: string) => ({ name, datatype: "INT32", shape: [ELEMENTS] }) as const;
const INPUTS = [tensor("INPUT0"), tensor("INPUT1")];
const OUTPUTS = [tensor("OUTPUT0"), tensor("OUTPUT1")];

/** One compute unit with a bank; OpenCL C has no banks. */
function kernelOf(computeUnits: readonly string[], banks?: readonly number[]): KernelManifest {
  const tensors = [...INPUTS, ...OUTPUTS];
  return {
    name: "add_sub",
    computeUnits,
    arguments: [
      ...tensors.map(
        ({ name }, index) =>
          ({
            index,
            role: index < INPUTS.length ? "input" : "output",
            tensor: name,
            ...(banks === undefined ? {} : { banks }),
          }) as const,
      ),
      { index: tensors.length, role: "rows" },
    ],
  };
}

const SOURCE = `
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void add_sub(__global const int *a, __global const int *b, __global int *sum, __global int *difference, uint rows) {
  for (uint i = 0; i < ${ELEMENTS} * rows; i++) { sum[i] = a[i] + b[i]; difference[i] = a[i] - b[i]; }
}`;

/** Adds the model `simple` to a repository's folder; the CPU's artifact is that of models/. */
export function addSimpleOnBoards(repository: string): void {
  const model = join(repository, "simple");
  cpSync(join(packageRoot, "models", "simple"), model, { recursive: true });
  const config = `
name: "simple"
platform: "onnxruntime_onnx"
max_batch_size: 64
input [ ${INPUTS.map(configTensor).join(", ")} ]
output [ ${OUTPUTS.map(configTensor).join(", ")} ]
dynamic_batching { }
parameters { key: "numeric_class" value { string_value: "${CLASS}" } }
parameters { key: "variant_preference" value { string_value: "u50, intel, arm-cpu" } }
`;
  writeFileSync(join(model, "config.pbtxt"), config);
  const u50 = kernelOf(["add_sub_1"], [0]);
  const image = emulatedXclbin({
    kernel: u50,
    inputs: INPUTS,
    outputs: OUTPUTS,
    platform: U50_PLATFORM,
    program: { op: "add_sub", elements: ELEMENTS },
  });
  addVariant(model, "u50", image, {
    ...about("xilinx-u50", "xilinx", "xclbin", U50_PLATFORM),
    kernel: u50,
  });
  addVariant(model, "intel", Buffer.from(SOURCE), {
    ...about("intel-fpga", "intel", "cl", "pocl"),
    kernel: kernelOf([]),
  });
}

function about(
  backend: string,
  vendor: string,
  format: string,
  platform: string,
): ArtifactManifest {
  const artifact = { file: `simple.${format}`, format, platform };
  return {
    ...{ manifest: 1, backend, vendor, artifact },
    ...{ numericClass: CLASS, inputs: INPUTS, outputs: OUTPUTS },
  };
}

function addVariant(model: string, name: string, artifact: Buffer, manifest: ArtifactManifest) {
  const folder = join(model, "1", name);
  mkdirSync(folder);
  writeFileSync(join(folder, manifest.artifact.file), artifact);
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
}

const configTensor = ({ name }: { readonly name: string }) =>
  `{ name: "${name}" data_type: TYPE_INT32 dims: [ ${ELEMENTS} ] }`;
