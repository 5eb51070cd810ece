/** A whole network as one program: which stages there are, in what order, over which tensors. */
import type { Network, NetworkNode, NetworkTensor } from "../../../common/fixed-point/network.ts";
import { BackendError } from "../../../contract.ts";
import { writeBody } from "./body.ts";
import { Program } from "./code.ts";
import { denseLoopStage, denseStage, type Finish, outputGroups } from "./dense.ts";
import { type ElementwiseNode, elementwise, isElementwise } from "./elementwise.ts";
import { loadStage, memorySlot, type Storage, storeCall, stride, type Words } from "./memory.ts";
import { poolStage } from "./pool.ts";
import { type Slot, Stage } from "./stage.ts";
import { isInt32 } from "./value.ts";
import { type Flat, padded, paddingStage } from "./windows.ts";

/** Works on `rows` rows in memory; the arrays are those of `wordsOf`, in the network's order. */
export type Kernel = (rows: number, inputs: readonly Words[], outputs: readonly Words[]) => void;

/** Elements of a tensor of one block of rows: what scratch memory keeps in the first-level cache. */
const BLOCK_ELEMENTS = 4096;

/** @throws BackendError `artifact` where sums or products of the network take more than 53 bits */
export function buildKernel(
  network: Network,
  inputs: readonly Storage[],
  outputs: readonly Storage[],
): Kernel {
  return new Plan(network).build(inputs, outputs);
}

class Plan {
  readonly #network: Network;
  readonly #program = new Program();
  readonly #slots = new Map<string, Slot>();
  /** All scratch tensors, the hidden ones too. */
  readonly #scratch: Slot[] = [];
  readonly #calls: string[] = [];
  readonly #types: ReadonlyMap<string, NetworkTensor>;

  constructor(network: Network) {
    this.#network = network;
    this.#types = new Map([...network.inputs, ...network.nodes].map((t) => [t.name, t]));
  }

  build(inputs: readonly Storage[], outputs: readonly Storage[]): Kernel {
    const network = this.#network;
    const needed = neededBy(network);
    const fused = new Set<string>();
    network.inputs.forEach((input, index) => {
      if (!needed.has(input.name)) return;
      const source = memorySlot(`inputs[${index}]`, input.elements, input.type);
      const stage = new Stage(this.#program, [source], input.elements);
      const storage = inputs[index] as Storage;
      const chain = this.#chain(input.name, fused);
      loadStage(stage, input.type, storage, finishing(chain));
      const loaded = stage.call(stride(input.type, storage));
      this.#done(chain.at(-1)?.name ?? input.name, stage.slot, [loaded]);
    });
    for (const node of network.nodes) {
      if (!needed.has(node.name) || fused.has(node.name)) continue;
      const chain = this.#chain(node.name, fused);
      naming(node, () => this.#add(node, chain));
    }
    network.outputs.forEach(({ node, type }, index) => {
      const memory = `outputs[${index}]`;
      const storage = outputs[index] as Storage;
      this.#calls.push(storeCall(this.#program, this.#slot(node), memory, type, storage));
    });
    return this.#program.build<Kernel>(this.#main());
  }

  #main(): string {
    const longest = Math.max(...this.#scratch.map(({ elements }) => elements), 1);
    const block = Math.max(1, Math.min(64, Math.floor(BLOCK_ELEMENTS / longest)));
    const scratch = this.#scratch.map((slot) => {
      const array = isInt32(slot) ? "Int32Array" : "Float64Array";
      return `const ${slot.name} = new ${array}(${slot.elements * block});`;
    });
    return `${scratch.join("\n")}
      return (rows, inputs, outputs) => {
        for (let first = 0; first < rows; first += ${block}) {
          const count = Math.min(${block}, rows - first);
          ${this.#calls.join("\n")}
        }
      };`;
  }

  #slot(name: string): Slot {
    return this.#slots.get(name) as Slot;
  }

  #done(name: string, slot: Slot, calls: readonly string[]): void {
    this.#slots.set(name, slot);
    this.#scratch.push(slot);
    this.#calls.push(...calls);
  }

  /** The elementwise nodes that nobody but each other sees: they need no tensor of their own. */
  #chain(name: string, fused: Set<string>): readonly ElementwiseNode[] {
    const chain: ElementwiseNode[] = [];
    for (let last = name; ; ) {
      const takers = this.#network.nodes.filter(({ inputs }) => inputs.includes(last));
      const [next] = takers;
      const alone = takers.length === 1 && !this.#network.outputs.some(({ node }) => node === last);
      if (!alone || next === undefined || !isElementwise(next) || next.op === "offset_shift") {
        return chain;
      }
      chain.push(next);
      fused.add(next.name);
      last = next.name;
    }
  }

  #add(node: NetworkNode, chain: readonly ElementwiseNode[]): void {
    const name = chain.at(-1)?.name ?? node.name;
    const finish = finishing(chain);
    if (node.op === "dense" || node.op === "convolution") {
      const { windows, source } = this.#windows(node);
      const groups = outputGroups(node);
      const target = this.#program.unique("tensor");
      const stages = (groups ?? [[]]).map((outputs) => {
        const stage = new Stage(this.#program, [source], node.elements, target);
        if (groups === undefined) denseLoopStage(stage, node, windows, finish);
        else denseStage(stage, node, windows, outputs, finish);
        return stage;
      });
      const slots = stages.map((stage) => stage.slot);
      const lo = Math.min(...slots.map((slot) => slot.lo));
      const hi = Math.max(...slots.map((slot) => slot.hi));
      const calls = stages.map((stage) => stage.call());
      this.#done(name, { ...(slots[0] as Slot), lo, hi }, calls);
      return;
    }
    if ("windowHeight" in node) {
      const { windows, source } = this.#windows(node);
      const stage = new Stage(this.#program, [source], node.elements);
      poolStage(stage, node, windows, finish);
      this.#done(name, stage.slot, [stage.call()]);
      return;
    }
    const sources = node.inputs.map((input) => this.#slot(input));
    const types = node.inputs.map((input) => (this.#types.get(input) as NetworkTensor).type);
    const stage = new Stage(this.#program, sources, node.elements);
    writeBody(stage, node, types, finish);
    this.#done(name, stage.slot, [stage.call()]);
  }

  /** Windows over the source of a node, padded by a stage of its own where they reach outside it. */
  #windows(node: NetworkNode): { windows: Flat; source: Slot } {
    const source = this.#slot(node.inputs[0] as string);
    if (node.op === "dense") return { windows: positions(node.positions, node.nIn), source };
    if (!("windowHeight" in node)) throw new Error(`no windows in ${node.op}`);
    const windows = padded(node);
    if (windows.inHeight === node.inHeight && windows.inWidth === node.inWidth) {
      return { windows, source };
    }
    const elements = windows.inHeight * windows.inWidth * windows.channels;
    const stage = paddingStage(new Stage(this.#program, [source], elements), node, windows);
    this.#scratch.push(stage.slot);
    this.#calls.push(stage.call());
    return { windows, source: stage.slot };
  }
}

function finishing(chain: readonly ElementwiseNode[]): Finish {
  return (stage, value, element) => {
    let result = value;
    for (const node of chain) {
      result = naming(node, () => elementwise(stage, node, stage.code.bind(result), element));
    }
    stage.write(element, result);
  };
}

/** Runs `write`; what it throws says which node it is about, the innermost one. */
function naming<T>(node: NetworkNode, write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (!(error instanceof BackendError) || error.message.startsWith("node ")) throw error;
    throw new BackendError(error.fault, `node ${node.name} (${node.op}): ${error.message}`);
  }
}

function positions(count: number, channels: number): Flat {
  const one = { inHeight: 1, windowHeight: 1, windowWidth: 1, strideHeight: 1, strideWidth: 1 };
  return { ...one, inWidth: count, channels, outHeight: 1, outWidth: count };
}

/** What the outputs are made of. */
function neededBy(network: Network): ReadonlySet<string> {
  const needed = new Set(network.outputs.map(({ node }) => node));
  for (const node of [...network.nodes].reverse()) {
    if (needed.has(node.name)) for (const input of node.inputs) needed.add(input);
  }
  return needed;
}
