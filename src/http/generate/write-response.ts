/** One response of a generate request: a flat JSON object of outputs, parameters and names. */

import { BATCH_SIZE, QUEUE_US } from "../../inference/provenance.ts";
import type { InferResponse, OutputTensor } from "../../inference/request.ts";
import { parameterText } from "../infer/response-parameters.ts";
import { tensorElements } from "../infer/write-tensor.ts";
import { quoted } from "../json-text.ts";

/**
 * Members in the order of their names, as Triton has it.
 * @returns bytes as a string
 * @throws StatusError where an output can't be written as JSON
 */
export function writeGenerateResponse(response: InferResponse): string {
  const { id, model, version, parameters = new Map(), batchRows, queueUs, outputs } = response;
  const members = new Map<string, string>();
  // Of two with one name the first counts.
  const add = (name: string, text: string) => {
    if (!members.has(name)) members.set(name, text);
  };
  if (id !== "") add("id", quoted(id));
  add("model_name", quoted(model));
  add("model_version", quoted(version));
  for (const [name, { type, value }] of parameters) {
    add(name, parameterText(type === "double", value));
  }
  if (batchRows !== undefined) add(BATCH_SIZE, String(batchRows));
  if (queueUs !== undefined) add(QUEUE_US, String(queueUs));
  for (const output of outputs) add(output.name, outputText(output));
  const names = [...members.keys()].sort((a, b) => (a < b ? -1 : 1));
  return `{${names.map((name) => `${quoted(name)}:${members.get(name)}`).join(",")}}`;
}

/** A single element stands without its array. */
function outputText(output: OutputTensor): string {
  const elements = output.shape.reduce((product, axis) => product * axis, 1);
  const text = tensorElements(output);
  return elements === 1 ? text : `[${text}]`;
}
