/**
 * Quantised networks as JSON: nodes with their types, raw weights and raw tables
 * (`hls4ml-golden-1`, written down in `network/nodes.ts` and in the README).
 */
import { BackendError, type FixedPointType } from "../../contract.ts";
import { Fields } from "./network/fields.ts";
import type { Network, NetworkNode, NetworkOutput, NetworkTensor } from "./network/nodes.ts";
import { readNode } from "./network/read-node.ts";

export type * from "./network/nodes.ts";

const FORMAT = "hls4ml-golden-1";

/** Integers as hardware gives them, where a network does not say which. */
const HARDWARE_INTEGER: FixedPointType = { w: 16, i: 16, signed: true, q: "TRN", o: "WRAP" };

/**
 * "core": the network alone. "whole": with what stands before it (`preprocess`, whose
 * input is called `raw_in`) and behind it (`postprocess`, one more output called `score`).
 */
export type NetworkScope = "core" | "whole";

/** @throws BackendError `artifact` with the path to its cause */
export function readNetwork(json: unknown, scope: NetworkScope = "core"): Network {
  const fields = new Fields("network", json);
  if (fields.text("format") !== FORMAT) throw fields.fail("format", `has to be ${FORMAT}`);
  const name = fields.text("name");
  const arithmetic = fields.text("arithmetic").split(" ")[0] as Network["arithmetic"];
  if (!["ap_fixed", "ac_fixed"].includes(arithmetic)) {
    throw fields.fail("arithmetic", "has to be ap_fixed or ac_fixed");
  }
  const tensors = new Map<string, NetworkTensor>();
  const inputs = readInputs(fields);
  const stages = scope === "whole" ? wholeStages(fields, inputs) : undefined;
  for (const input of stages?.inputs ?? inputs) tensors.set(input.name, input);

  const nodes: NetworkNode[] = [];
  const add = (path: string, json: unknown) => {
    const node = readNode(path, json, tensors);
    nodes.push(node);
    tensors.set(node.name, node);
    return node;
  };
  if (stages?.before !== undefined) add("network.preprocess", stages.before);
  fields.list("nodes").forEach((json, index) => {
    add(`network.nodes[${index}]`, json);
  });
  const outputs = fields.list("outputs").map((output, index) => {
    return readOutput(new Fields(`network.outputs[${index}]`, output), tensors);
  });
  if (outputs.length === 0) throw fields.fail("outputs", "has to name at least one");
  if (stages?.behind !== undefined) {
    const latent = (outputs[0] as NetworkOutput).node;
    const score = add("network.postprocess", { ...stages.behind, inputs: [latent] });
    outputs.push({ name: score.name, node: score.name, elements: 1, type: score.type });
  }
  fields.done("description", "source", "preprocess", "postprocess", "note");
  return { name, arithmetic, inputs: stages?.inputs ?? inputs, nodes, outputs };
}

/** As `readNetwork`, from text. @throws BackendError `artifact` */
export function parseNetwork(text: string, scope: NetworkScope = "core"): Network {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new BackendError("artifact", `network: is no JSON: ${String(cause)}`, { cause });
  }
  return readNetwork(json, scope);
}

/** Several under `inputs`, or one called `input`. */
function readInputs(fields: Fields): readonly NetworkTensor[] {
  if (!fields.has("inputs")) {
    return [{ name: "input", elements: fields.count("n_input"), type: fields.type("input_t") }];
  }
  const inputs = fields.list("inputs").map((json, index) => {
    const input = new Fields(`network.inputs[${index}]`, json);
    const tensor = { name: input.text("name"), elements: input.count("n"), type: input.type("t") };
    input.done("note");
    return tensor;
  });
  if (inputs.length === 0 || new Set(inputs.map(({ name }) => name)).size !== inputs.length) {
    throw fields.fail("inputs", "has to have at least one entry, and no name twice");
  }
  return inputs;
}

/** `preprocess` takes the name of the network's input, so that the nodes find it there. */
function wholeStages(fields: Fields, core: readonly NetworkTensor[]) {
  const behind = fields.has("postprocess")
    ? { ...new Fields("network.postprocess", fields.any("postprocess")).rest(), name: "score" }
    : undefined;
  if (!fields.has("preprocess")) return { inputs: core, behind };
  if (core.length > 1) throw fields.fail("preprocess", "takes a network with one input");
  const [{ name, elements, type }] = core as [NetworkTensor];
  const stage = new Fields("network.preprocess", fields.any("preprocess"));
  const inputs = [{ name: "raw_in", elements, type: stage.type("in_t", HARDWARE_INTEGER) }];
  const before = { ...stage.rest(), name, inputs: ["raw_in"], out_t: type };
  return { inputs, before, behind };
}

function readOutput(fields: Fields, tensors: ReadonlyMap<string, NetworkTensor>): NetworkOutput {
  const node = fields.text("node");
  const source = tensors.get(node);
  if (source === undefined) throw fields.fail("node", `nothing is called ${node}`);
  const elements = fields.count("n");
  if (elements !== source.elements) {
    throw fields.fail("n", `is ${elements}, and ${node} has ${source.elements} elements`);
  }
  const output = { name: fields.text("name"), node, elements, type: source.type };
  fields.done("note");
  return output;
}
