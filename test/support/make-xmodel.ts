/** Small XIR graphs for tests: one input, one convolution on the DPU, one output on the CPU. */
import type { Buffer } from "node:buffer";
import { field, message, varint } from "./make-protobuf.ts";

export interface TensorParts {
  readonly name: string;
  readonly shape: readonly number[];
  /** As later tools write it; absent in files of Vitis AI 1.x. */
  readonly elementBits?: number;
  readonly kind?: number;
  readonly fixPoint?: number;
}

const STRING = 11;
const UINT64 = 8;
const INT32 = 5;

export const attribute = (
  number: number,
  key: string,
  kind: number,
  value: string | number | bigint | Buffer,
) => field(number, message(field(1, key), field(2, field(kind, value))));

export function tensor({ name, shape, elementBits, kind = 0, fixPoint }: TensorParts): Buffer {
  return message(
    field(1, name),
    field(2, message(...shape.map(varint))),
    ...(kind === 0 ? [] : [field(5, kind)]),
    ...(elementBits === undefined ? [] : [field(6, elementBits)]),
    ...(fixPoint === undefined
      ? []
      : [attribute(10, "fix_point", INT32, fixPoint), attribute(10, "bit_width", INT32, 8)]),
  );
}

export function operator(
  name: string,
  type: string,
  takes: readonly string[],
  output?: TensorParts,
): Buffer {
  return field(
    5,
    message(
      field(1, name),
      field(2, type),
      ...(takes.length === 0
        ? []
        : [field(4, message(field(1, "input"), ...takes.map((from) => field(2, from))))]),
      ...(output === undefined ? [] : [field(5, tensor(output))]),
    ),
  );
}

/** A child of the root: on the DPU where it has a fingerprint. */
export function subgraph(name: string, device: string, fingerprint?: bigint, dpu?: string): Buffer {
  return field(
    10,
    message(
      field(1, name),
      attribute(5, "device", STRING, device),
      ...(fingerprint === undefined ? [] : [attribute(5, "dpu_fingerprint", UINT64, fingerprint)]),
      ...(dpu === undefined ? [] : [attribute(5, "dpu_name", STRING, dpu)]),
      // Code for the DPU, which nobody reads here.
      attribute(5, "mc_code", 12, field(1, "code".repeat(20_000))),
    ),
  );
}

export interface XmodelParts {
  readonly operators?: readonly Buffer[];
  readonly subgraphs?: readonly Buffer[];
}

export const FINGERPRINT = 0x20200000000002an;
export const NAMES = { input: "x_fixed", output: "y_float" };

export function makeXmodel({ operators, subgraphs }: XmodelParts = {}): Buffer {
  const input = { name: NAMES.input, shape: [4, 8, 8, 3], kind: 2, elementBits: 8, fixPoint: 6 };
  const output = { name: NAMES.output, shape: [4, 10], kind: 4, elementBits: 32 };
  return message(
    field(1, "made"),
    ...(operators ?? [
      operator("x", "data-fix", [], input),
      operator("w", "const-fix", []),
      operator("conv", "conv2d-fix", ["x", "w"], { name: "c", shape: [4, 10] }),
      operator("y", "fix2float", ["conv"], output),
    ]),
    field(
      10,
      message(
        field(1, "root"),
        ...(subgraphs ?? [
          subgraph("in", "USER"),
          subgraph("on_dpu", "DPU", FINGERPRINT, "DPUCAHX8H_ISA2"),
          subgraph("out", "CPU"),
        ]),
      ),
    ),
    field(4711, "of the future"),
  );
}
