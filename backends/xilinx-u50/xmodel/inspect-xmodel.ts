/**
 * Facts of a model for the DPU of Vitis AI. The file holds code for one
 * configuration of the DPU, named by its fingerprint; it runs only on an image
 * with that DPU, and its batch size is fixed by the compiler.
 */
import { type ArtifactFile, withArtifactFile } from "../../common/artifact-file/artifact-file.ts";
import type { Place } from "../../common/artifact-file/place.ts";
import { present } from "../../common/artifact-file/present.ts";
import { MalformedProtobuf, ProtobufWindow } from "../../common/protobuf-wire/protobuf-window.ts";
import type { Artifact, ArtifactFacts, TensorSpec } from "../../contract.ts";
import { checkXmodelManifest } from "./check-xmodel-manifest.ts";
import { dpuOf } from "./dpu.ts";
import { readXirGraph, type XirGraph } from "./xir-graph.ts";
import type { XirTensor } from "./xir-tensor.ts";

const COMPILE = "name an .xmodel made by vai_c, the compiler of Vitis AI";

/** @throws BackendError `artifact` */
export function inspectXmodel(artifact: Artifact): Promise<ArtifactFacts> {
  return withArtifactFile(artifact.path, "xmodel", async (file) => {
    const graph = await readGraph(file);
    return facts(file.place, artifact, graph);
  });
}

async function readGraph(file: ArtifactFile): Promise<XirGraph> {
  try {
    return await readXirGraph(new ProtobufWindow(file.source, file.sizeBytes));
  } catch (thrown) {
    if (!(thrown instanceof MalformedProtobuf)) throw thrown;
    throw file.place.refusal(
      `it is no XIR graph, or it is truncated: ${thrown.message}`,
      COMPILE,
      thrown,
    );
  }
}

function facts(place: Place, artifact: Artifact, graph: XirGraph): ArtifactFacts {
  if (graph.root === undefined || graph.operators.length === 0) {
    const missing = graph.root === undefined ? "root subgraph" : "operators";
    throw place.refusal(`it has no ${missing}, expected an XIR graph`, COMPILE);
  }
  const dpu = dpuOf(place, graph);
  const inputs = tensorsOf(place, "input", graphInputs(graph));
  const outputs = tensorsOf(place, "output", graphOutputs(graph));
  const names = [dpu.name, dpu.fingerprint];
  const { manifest } = artifact;
  const wanted = [artifact.platform, manifest?.artifact.platform ?? ""].filter(
    (platform) => platform !== "" && platform !== "any",
  );
  const other = wanted.find((platform) => !names.includes(platform));
  if (other !== undefined) {
    throw place.refusal(
      `compiled for DPU '${dpu.name}' with fingerprint ${dpu.fingerprint}, expected '${other}'`,
      "compile it with the arch.json of that DPU, or name the DPU it was compiled for",
    );
  }
  const fixedBatchSize = batchSize(place, [...inputs, ...outputs]);
  if (manifest !== undefined) checkXmodelManifest(place, manifest, { inputs, outputs });
  return {
    platform: wanted[0] ?? dpu.name,
    ...specs(inputs, outputs),
    batchable: false,
    fixedBatchSize,
    details: details(graph, dpu, inputs, outputs),
  };
}

/** What the host hands in: operators of type `data`, `data-fix`, ... */
const graphInputs = ({ operators }: XirGraph) =>
  operators.filter(({ type }) => /^data\b/.test(type));

/** What nobody in the graph takes. */
function graphOutputs({ operators }: XirGraph) {
  const taken = new Set(operators.flatMap(({ takes }) => takes));
  return operators.filter(({ name, type }) => !taken.has(name) && !/^(data|const)\b/.test(type));
}

function tensorsOf(
  place: Place,
  role: string,
  operators: XirGraph["operators"],
): readonly XirTensor[] {
  if (operators.length === 0) throw place.refusal(`the graph has no ${role}`, COMPILE);
  const names = new Set<string>();
  return operators.map(({ name, tensor }) => {
    if (tensor === undefined || tensor.name === "" || tensor.shape.length === 0) {
      throw place.refusal(`${role} operator '${name}' has no tensor with a name and a shape`);
    }
    if (names.has(tensor.name)) throw place.refusal(`two ${role}s are named '${tensor.name}'`);
    names.add(tensor.name);
    if (tensor.shape.every((length) => Number.isSafeInteger(length) && length > 0)) return tensor;
    throw place.refusal(
      `${role} '${tensor.name}' has shape [${tensor.shape.join(", ")}], expected lengths from 1 on`,
    );
  });
}

function batchSize(place: Place, tensors: readonly XirTensor[]): number {
  const first = tensors[0]?.shape[0] ?? 1;
  const other = tensors.find(({ shape }) => shape[0] !== first);
  if (other === undefined) return first;
  throw place.refusal(
    `tensor '${other.name}' has ${other.shape[0]} rows where the first has ${first}, expected one ` +
      "batch size for all",
  );
}

/** Nothing where a datatype is not known: half a signature would be a wrong one. */
function specs(
  inputs: readonly XirTensor[],
  outputs: readonly XirTensor[],
): Pick<ArtifactFacts, "inputs" | "outputs"> {
  const spec = ({ name, datatype, shape }: XirTensor): TensorSpec[] =>
    datatype === undefined ? [] : [{ name, datatype, shape }];
  const known = { inputs: inputs.flatMap(spec), outputs: outputs.flatMap(spec) };
  const all = known.inputs.length === inputs.length && known.outputs.length === outputs.length;
  return all ? known : {};
}

function details(
  { name, attributes, operators, root, subgraphs }: XirGraph,
  dpu: { readonly name: string; readonly fingerprint: string },
  inputs: readonly XirTensor[],
  outputs: readonly XirTensor[],
): Readonly<Record<string, unknown>> {
  return {
    graph: name,
    dpu,
    ...present({
      arch: root?.attributes.get("arch"),
      tools: attributes.get("tools_commit_id"),
      origin: attributes.get("origin"),
    }),
    operators: operators.length,
    subgraphs: subgraphs.map((subgraph) => ({
      name: subgraph.name,
      ...present({
        device: subgraph.attributes.get("device"),
        inputs: subgraph.attributes.get("input_ops_name"),
        outputs: subgraph.attributes.get("output_ops_name"),
      }),
    })),
    inputs,
    outputs,
  };
}
