/** One node of a network: which reader takes which op. */
import { CommonParts, type Read } from "./common-parts.ts";
import { Fields } from "./fields.ts";
import type { NetworkNode, NetworkTensor } from "./nodes.ts";
import { ACTIVATIONS } from "./read-activations.ts";
import { LAYERS } from "./read-layers.ts";
import { MERGES } from "./read-merges.ts";

const READERS: ReadonlyMap<string, Read> = new Map(
  Object.entries({ ...LAYERS, ...ACTIVATIONS, ...MERGES }),
);
const SEVERAL_INPUTS = new Set(["add", "subtract", "multiply", "dot", "concatenate"]);

/**
 * @param tensors what stands before the node, by name
 * @throws BackendError `artifact` with the path to its cause
 */
export function readNode(
  path: string,
  json: unknown,
  tensors: ReadonlyMap<string, NetworkTensor>,
): NetworkNode {
  const fields = new Fields(path, json);
  const op = fields.text("op");
  const read = READERS.get(op);
  if (read === undefined) {
    throw fields.fail("op", `${op} is not known; known are ${[...READERS.keys()].join(", ")}`);
  }
  const common = new CommonParts(fields, tensors);
  if (!SEVERAL_INPUTS.has(op)) common.only(1);
  const node = read(fields, common);
  fields.done("note");
  return node;
}
