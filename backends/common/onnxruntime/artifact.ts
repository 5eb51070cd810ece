/**
 * Reads what the gateway must know of an ONNX file, without ONNX Runtime: the
 * file may come from anybody, and no vendor library is loaded in the gateway.
 * Refuses what ONNX Runtime would only refuse in a worker, or at the first run.
 */
import { open, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import {
  type Artifact,
  type ArtifactFacts,
  BackendError,
  type Datatype,
  type TensorSpec,
} from "../../contract.ts";
import { MalformedProtobuf, ProtobufWindow } from "../protobuf-wire/protobuf-window.ts";
import { type ExternalData, type OnnxGraph, type OnnxValue, readOnnxGraph } from "./onnx-graph.ts";

/** `TensorProto.DataType` of ONNX to the words of the inference protocol. */
const DATATYPES: ReadonlyMap<number, Datatype> = new Map([
  [1, "FP32"],
  [2, "UINT8"],
  [3, "INT8"],
  [4, "UINT16"],
  [5, "INT16"],
  [6, "INT32"],
  [7, "INT64"],
  [8, "BYTES"],
  [9, "BOOL"],
  [10, "FP16"],
  [11, "FP64"],
  [12, "UINT32"],
  [13, "UINT64"],
]);

/** Element types that exist in ONNX but cannot be served. */
const UNSERVED: ReadonlyMap<number, string> = new Map([
  [14, "COMPLEX64"],
  [15, "COMPLEX128"],
  [16, "BFLOAT16"],
  [17, "FLOAT8E4M3FN"],
  [18, "FLOAT8E4M3FNUZ"],
  [19, "FLOAT8E5M2"],
  [20, "FLOAT8E5M2FNUZ"],
  [21, "UINT4"],
  [22, "INT4"],
  [23, "FLOAT4E2M1"],
]);

/** Domains and operators of QONNX and FINN, which describe a firmware and do not run here. */
const FIRMWARE_DOMAINS = ["finn.", "qonnx.", "onnx.brevitas", "brevitas"];
const FIRMWARE_OPERATORS = new Set(["Quant", "BipolarQuant", "IntQuant", "FloatQuant", "Trunc"]);
/** Domains whose operators are part of ONNX Runtime. */
const KNOWN_DOMAINS = /^$|^ai\.onnx(\.|$)|^com\.microsoft(\.|$)/;

/** `inspect` of the backends that take ONNX files and nothing else. */
export async function inspectOnnxOnly({ format, path }: Artifact): Promise<ArtifactFacts> {
  if (format === "onnx") return inspectOnnx(path);
  throw new BackendError("artifact", `format "${format}" is not onnx`);
}

/**
 * Full shapes, with the batch axis where there is one.
 * @param path the model file, or a folder that holds `model.onnx`
 * @throws BackendError `artifact`: not an ONNX model, or one that cannot be served, and why
 */
export async function inspectOnnx(path: string): Promise<ArtifactFacts> {
  const file = await modelFile(path);
  const graph = await read(file);
  const facts = factsOf(graph);
  for (const data of graph.externalData) await checkExternalData(file, data);
  return facts;
}

/** Most names of a kind in the details: they are for people, and for checks that stop at the first wrong one. */
const MAX_LISTED = 10_000;

/**
 * What the file says of itself, wherever it lies: `details` has the paths of its external data, which are not
 * looked at, and operators that are not part of ONNX Runtime.
 * @throws BackendError `artifact`
 */
export async function describeOnnx({ path, format }: Artifact): Promise<ArtifactFacts> {
  if (format !== "onnx") throw new BackendError("artifact", `format "${format}" is not onnx`);
  const graph = await read(await modelFile(path));
  const { producer, irVersion, opsets, nodes, externalData, operators } = graph;
  const custom = [...operators].filter((each) => !KNOWN_DOMAINS.test(domainOf(each)));
  const locations = [...new Set(externalData.map(({ location }) => location))];
  return {
    ...factsOf(graph),
    details: {
      container: "onnx",
      ...(producer === "" ? {} : { producer }),
      irVersion,
      opsets: Object.fromEntries(
        [...opsets].map(([domain, version]) => [domain || "ai.onnx", version]),
      ),
      nodes,
      externalData: locations.slice(0, MAX_LISTED),
      customOperators: custom.slice(0, MAX_LISTED),
    },
  };
}

const domainOf = (operator: string) => operator.slice(0, operator.lastIndexOf("::"));

/** @throws BackendError `artifact` for what cannot be served, files beside it aside */
function factsOf(graph: OnnxGraph): ArtifactFacts {
  const inputs = graph.inputs.map((value) => tensorSpec("input", value));
  const outputs = graph.outputs.map((value) => tensorSpec("output", value));
  if (outputs.length === 0) {
    throw refusal("it has no graph outputs: the file is truncated or is not an ONNX model");
  }
  refuseFirmwareOperators(graph);
  refuseDuplicates("input", inputs);
  refuseDuplicates("output", outputs);

  const tensors = [...inputs, ...outputs];
  const fixedBatchSize = commonFirstAxis(tensors);
  const unstatedShapes = [...graph.inputs, ...graph.outputs]
    .filter((value) => value.shape === undefined)
    .map((value) => value.name);
  return {
    platform: "any",
    inputs,
    outputs,
    batchable: tensors.every((tensor) => tensor.shape[0] === -1),
    ...(fixedBatchSize === undefined ? {} : { fixedBatchSize }),
    ...(unstatedShapes.length === 0 ? {} : { unstatedShapes }),
  };
}

/** A large model may be a folder with its weights beside the graph, as in Triton's layout. */
async function modelFile(path: string): Promise<string> {
  try {
    const facts = await stat(path);
    if (facts.isDirectory()) return join(path, "model.onnx");
    // Before it is opened: to open a pipe would wait for a writer.
    if (!facts.isFile()) throw refusal("it is not a regular file");
    return path;
  } catch (thrown) {
    throw thrown instanceof BackendError ? thrown : refusal("the file cannot be read", thrown);
  }
}

async function read(path: string): Promise<OnnxGraph> {
  const file = await open(path, "r").catch((cause: unknown) => {
    throw refusal("the file cannot be read", cause);
  });
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw refusal("it is not a regular file");
    if (facts.size === 0) throw refusal("the file is empty");
    return await readOnnxGraph(new ProtobufWindow(file, facts.size));
  } catch (thrown) {
    if (thrown instanceof BackendError) throw thrown;
    if (thrown instanceof MalformedProtobuf) {
      throw refusal(`it is not an ONNX model, or it is truncated: ${thrown.message}`, thrown);
    }
    throw refusal("the file cannot be read", thrown);
  } finally {
    await file.close();
  }
}

function tensorSpec(role: "input" | "output", value: OnnxValue): TensorSpec {
  const which = `${role} '${value.name}'`;
  if (value.name === "") throw refusal(`an ${role} of the graph has no name`);
  if (value.kind === "sequence" || value.kind === "map") {
    throw refusal(
      `${which} is a ${value.kind}, not a tensor (scikit-learn's ZipMap makes such outputs): ` +
        "export the model without it, with skl2onnx options={'zipmap': False}",
    );
  }
  if (value.kind !== "tensor") {
    throw refusal(`${which} is a ${value.kind} value, not a tensor: export it as a dense tensor`);
  }
  const datatype = DATATYPES.get(value.elementType);
  if (datatype === undefined) {
    const name = UNSERVED.get(value.elementType) ?? `unknown element type ${value.elementType}`;
    throw refusal(
      `${which} has elements of ${name}, which cannot be exchanged with ONNX Runtime here: ` +
        "cast it to FP32 or FP16 inside the model",
    );
  }
  const shape = value.shape ?? [];
  // Zero and negative lengths occur in files of careless exporters; both mean "not known".
  return {
    name: value.name,
    datatype,
    shape: shape.map((length) => (length > 0 && Number.isSafeInteger(length) ? length : -1)),
  };
}

function refuseFirmwareOperators(graph: OnnxGraph): void {
  const unknown: string[] = [];
  for (const operator of graph.operators) {
    const at = operator.lastIndexOf("::");
    const domain = operator.slice(0, at);
    const name = operator.slice(at + 2);
    if (KNOWN_DOMAINS.test(domain) && !(domain === "" && FIRMWARE_OPERATORS.has(name))) continue;
    if (
      FIRMWARE_DOMAINS.some((prefix) => domain.startsWith(prefix)) ||
      FIRMWARE_OPERATORS.has(name)
    ) {
      throw refusal(
        `operator '${name}' of domain '${domain}' is QONNX, the input of a firmware flow (hls4ml, ` +
          "FINN): ONNX Runtime cannot run it. Convert it to plain ONNX (qonnx: qonnx-to-qcdq), " +
          "or register the firmware built from it",
      );
    }
    unknown.push(operator);
  }
  const missing = unknown.filter((operator) => !graph.opsets.has(operator.split("::")[0] ?? ""));
  if (missing.length > 0) {
    throw refusal(`operator '${missing[0]}' is of a domain that the model does not import`);
  }
}

function refuseDuplicates(role: string, tensors: readonly TensorSpec[]): void {
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (seen.has(name)) throw refusal(`two ${role}s are named '${name}'`);
    seen.add(name);
  }
}

/** Weights outside the file must lie beside it: a path that leads elsewhere reads foreign files. */
async function checkExternalData(modelPath: string, data: ExternalData): Promise<void> {
  const { location, tensor } = data;
  const folder = dirname(modelPath);
  const where = `external data of tensor '${tensor}' at '${location}'`;
  const inside = relative(folder, join(folder, location));
  if (
    location === "" ||
    location.includes("\0") ||
    location.includes("\\") ||
    isAbsolute(location) ||
    inside === "" ||
    leaves(inside)
  ) {
    throw refusal(`${where} must be a relative path inside the folder of the model`);
  }
  const path = join(folder, location);
  let sizeBytes: number;
  try {
    const facts = await stat(path);
    if (!facts.isFile()) throw refusal(`${where} is not a regular file`);
    sizeBytes = facts.size;
    if (leaves(relative(await realpath(folder), await realpath(path)))) {
      throw refusal(`${where} is a link that leads out of the folder of the model`);
    }
  } catch (thrown) {
    if (thrown instanceof BackendError) throw thrown;
    throw refusal(`${where} is missing or cannot be read: put it beside the model file`, thrown);
  }
  const end = data.offset + (data.length ?? 0);
  if (!(data.offset >= 0) || !(end >= data.offset) || end > sizeBytes) {
    throw refusal(`${where} is shorter than the model says: ${sizeBytes} bytes, needs ${end}`);
  }
}

const leaves = (path: string) => path === ".." || path.startsWith(`..${sep}`) || isAbsolute(path);

/** The length of axis 0 where all tensors share one and it is fixed. */
function commonFirstAxis(tensors: readonly TensorSpec[]): number | undefined {
  const first = tensors[0]?.shape[0];
  if (first === undefined || first < 1) return undefined;
  return tensors.every((tensor) => tensor.shape[0] === first) ? first : undefined;
}

function refusal(reason: string, cause?: unknown): BackendError {
  const detail = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  return new BackendError("artifact", `cannot serve the ONNX file: ${reason}${detail}`, { cause });
}
