/** For tests: a kernel that adds and subtracts, compiled for the emulated board. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactManifest, KernelManifest, ModelVariant, Tensor } from "../../contract.ts";
import { U50_PLATFORM } from "../platform.ts";
import { type EmulatedXclbin, emulatedXclbin } from "../xclbin-writer/emulated-xclbin.ts";

export const ELEMENTS = 16;

export interface AddSubChoice {
  readonly name?: string;
  readonly maxBatchSize?: number;
  readonly units?: number;
  /** Absent: the number of rows is an argument. */
  readonly rowsPerCall?: number;
  readonly links?: EmulatedXclbin["links"];
  readonly platform?: string;
}

/** Every compute unit has two banks of its own: one for `a` and `sum`, one for `b` and `difference`. */
export function addSubKernel({
  name = "add_sub",
  units = 2,
  rowsPerCall,
}: AddSubChoice): KernelManifest {
  const banks = (first: number) => Array.from({ length: units }, (_, i) => 2 * i + first);
  return {
    name,
    computeUnits: Array.from({ length: units }, (_, i) => `${name}_${i + 1}`),
    arguments: [
      { index: 0, role: "input", tensor: "a", banks: banks(0) },
      { index: 1, role: "input", tensor: "b", banks: banks(1) },
      { index: 2, role: "output", tensor: "sum", banks: banks(0) },
      { index: 3, role: "output", tensor: "difference", banks: banks(1) },
      ...(rowsPerCall === undefined ? [{ index: 4, role: "rows" } as const] : []),
    ],
    ...(rowsPerCall === undefined ? {} : { rowsPerCall }),
  };
}

const tensor = (name: string) => ({ name, datatype: "INT32", shape: [ELEMENTS] }) as const;
const INPUTS = [tensor("a"), tensor("b")];
const OUTPUTS = [tensor("sum"), tensor("difference")];

export function addSubImage(choice: AddSubChoice = {}): Buffer {
  return emulatedXclbin({
    kernel: addSubKernel(choice),
    inputs: INPUTS,
    outputs: OUTPUTS,
    platform: choice.platform ?? U50_PLATFORM,
    program: { op: "add_sub", elements: ELEMENTS },
    ...(choice.links === undefined ? {} : { links: choice.links }),
  });
}

/** Writes the image into `folder`. */
export function addSubVariant(folder: string, choice: AddSubChoice = {}): ModelVariant {
  const { name = "add_sub", maxBatchSize = 1024, platform = U50_PLATFORM } = choice;
  const file = `${name}-${JSON.stringify(choice).replaceAll(/\W+/g, "-")}.xclbin`;
  const path = join(folder, file);
  writeFileSync(path, addSubImage(choice));
  const manifest: ArtifactManifest = {
    manifest: 1,
    backend: "xilinx-u50",
    vendor: "xilinx",
    artifact: { file, format: "xclbin", platform },
    numericClass: "int32",
    inputs: INPUTS,
    outputs: OUTPUTS,
    kernel: addSubKernel(choice),
  };
  return {
    model: name,
    version: "1",
    inputs: INPUTS,
    outputs: OUTPUTS,
    maxBatchSize,
    artifact: { digest: "", path, format: "xclbin", platform, manifest },
  };
}

/** Rows that differ from each other, and what has to come out. */
export function addSubRows(rows: number, seed = 1, batched = true) {
  const a = Int32Array.from({ length: rows * ELEMENTS }, (_, i) => i * 7 + seed);
  const b = Int32Array.from({ length: rows * ELEMENTS }, (_, i) => 100_003 * seed - i * i);
  const shape = batched ? [rows, ELEMENTS] : [ELEMENTS];
  const int32 = (name: string, values: Int32Array): Tensor => ({
    name,
    datatype: "INT32",
    shape,
    data: new Uint8Array(values.buffer),
  });
  return {
    inputs: [int32("a", a), int32("b", b)],
    outputs: [
      int32(
        "sum",
        a.map((x, i) => x + (b[i] ?? 0)),
      ),
      int32(
        "difference",
        a.map((x, i) => x - (b[i] ?? 0)),
      ),
    ],
  };
}
