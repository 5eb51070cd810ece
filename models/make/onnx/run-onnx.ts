/** Runs an ONNX file with ONNX Runtime, one thread, as the default worker does. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { NamedTensor, NamedTensors } from "../recipe.ts";
import type { ElementType } from "./onnx-graph.ts";

const ORT_TYPE = {
  FP32: "float32",
  INT8: "int8",
  INT32: "int32",
  INT64: "int64",
  BYTES: "string",
  BOOL: "bool",
  UINT64: "uint64",
  FP64: "float64",
} as const satisfies Record<ElementType, string>;

export interface OpenModel {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(inputs: NamedTensors): Promise<Readonly<Record<string, NamedTensor>>>;
  close(): Promise<void>;
}

export async function openOnnx(file: Uint8Array): Promise<OpenModel> {
  const session = await InferenceSession.create(file, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(inputs) {
      const feeds: Record<string, Tensor> = {};
      for (const [name, { type, data, shape }] of Object.entries(inputs)) {
        feeds[name] = new Tensor(ORT_TYPE[type], data, shape);
      }
      const results = await session.run(feeds);
      return Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor as Tensor)]),
      );
    },
    close: () => session.release(),
  };
}

function fromOrt(tensor: Tensor): NamedTensor {
  const type = (Object.keys(ORT_TYPE) as ElementType[]).find(
    (candidate) => ORT_TYPE[candidate] === tensor.type,
  );
  if (type === undefined) throw new Error(`no name for ONNX Runtime's type ${tensor.type}`);
  return { type, shape: tensor.dims, data: tensor.data as NamedTensor["data"] };
}
