/**
 * A quantised network as OpenCL C that does nothing but this network, bit by bit as the firmware would.
 * Whole numbers only. Every lane of its vectors is a row, so that all rows take the same path.
 */
import type { Network, NetworkNode } from "../../common/fixed-point/network.ts";
import { BackendError } from "../../contract.ts";
import { argmax, assignment, batchNorm, offsetShift, tabulated } from "./elementwise.ts";
import { load, parametersOf, portOf, type Storage, store } from "./memory.ts";
import { concatenate, dot, pair, sumOfSquares } from "./merges.ts";
import { pool } from "./pools.ts";
import { Program, type Row } from "./program.ts";
import { legacySoftmax, softmax } from "./softmax.ts";
import { convolution, dense } from "./sums.ts";

/** How tensors lie in memory, by name. */
export type SourceStorage = Readonly<Record<string, Storage>>;

/** Name of the kernel: its arguments are the inputs, the outputs, and the number of rows. */
export const KERNEL = "run_network";

/** Rows side by side, the most that fit. */
const LANES = [16, 8, 4, 2];
/** Of a work-item, for all its rows; it lies on a stack. */
const MOST_PRIVATE_BYTES = 2 ** 20;

/**
 * The same text for the same network; of its words only numbers are in it.
 * @throws BackendError `artifact` for a storage that cannot be, for sums and products of more than
 * 64 bits, and for rows that do not fit the memory of a work-item
 */
export function openClSource(network: Network, storage: SourceStorage = {}): string {
  let needed = 0;
  for (const lanes of LANES) {
    const program = new Program(lanes);
    const source = write(program, network, storage);
    if (program.privateBytes <= MOST_PRIVATE_BYTES) return source;
    needed = program.privateBytes;
  }
  throw new BackendError(
    "artifact",
    `network: its rows take ${needed} bytes of a work-item's memory, and there are ${MOST_PRIVATE_BYTES}: use smaller layers`,
  );
}

function write(program: Program, network: Network, storage: SourceStorage): string {
  const inputs = network.inputs.map((tensor, n) => portOf(tensor, `in${n}`, storage[tensor.name]));
  const outputs = network.outputs.map((tensor, n) =>
    portOf(tensor, `out${n}`, storage[tensor.name]),
  );
  const { lanes } = program;
  program.line(`for (uint row = 0; row < rows; row += ${lanes}) {`);
  program.line(`const uint count = min((uint)${lanes}, rows - row);`);
  const rows = new Map<string, Row>();
  const used = usedNames(network);
  for (const port of inputs) {
    if (used.has(port.tensor.name)) rows.set(port.tensor.name, load(program, port));
  }
  for (const node of network.nodes) {
    if (used.has(node.name)) rows.set(node.name, compute(program, node, rows));
  }
  network.outputs.forEach(({ node }, n) => {
    store(program, outputs[n] as (typeof outputs)[number], rows.get(node) as Row);
  });
  program.line("}");
  return program.source(KERNEL, parametersOf(inputs, outputs));
}

/** What the outputs are made of. */
function usedNames({ nodes, outputs }: Network): ReadonlySet<string> {
  const used = new Set(outputs.map(({ node }) => node));
  for (const { name, inputs } of nodes.toReversed()) {
    if (used.has(name)) for (const input of inputs) used.add(input);
  }
  return used;
}

function compute(program: Program, node: NetworkNode, rows: ReadonlyMap<string, Row>): Row {
  const sources = node.inputs.map((name) => rows.get(name) as Row);
  try {
    return computeNode(program, node, sources as [Row, Row]);
  } catch (cause) {
    if (!(cause instanceof BackendError)) throw cause;
    const message = `node ${node.name} (${node.op}): ${cause.message}`;
    throw new BackendError(cause.fault, message, { cause });
  }
}

function computeNode(program: Program, node: NetworkNode, sources: [Row, Row]): Row {
  const [source] = sources;
  switch (node.op) {
    case "dense":
      return dense(program, node, source);
    case "convolution":
      return convolution(program, node, source);
    case "average_pool":
    case "max_pool":
      return pool(program, node, source);
    case "batchnorm":
      return batchNorm(program, node, source);
    case "relu":
    case "linear":
      return assignment(program, node, source);
    case "sigmoid":
    case "tanh":
      return tabulated(program, node, source);
    case "softmax_latency":
    case "softmax_stable":
      return softmax(program, node, source);
    case "softmax_legacy":
      return legacySoftmax(program, node, source);
    case "softmax_argmax":
      return argmax(program, node, source);
    case "add":
    case "subtract":
    case "multiply":
      return pair(program, node, sources);
    case "dot":
      return dot(program, node, sources);
    case "concatenate":
      return concatenate(program, node, sources);
    case "sum_of_squares":
      return sumOfSquares(program, node, source);
    case "offset_shift":
      return offsetShift(program, node, source);
  }
}
