/** Rows of golden files as batches of an executor. */
import type { Tensor } from "../../../backends/contract.ts";
import { shapeText } from "../../inference/datatypes.ts";
import type { ModelSignature } from "../../inference/request.ts";
import { slicesOf } from "../golden/rows-of.ts";
import { tensorsOf } from "../golden/tensors-of.ts";
import { ArtifactFailed, blaming } from "./blame.ts";
import type { GateExecutor } from "./executor.ts";

/** Inputs of one row have this shape, or outputs. */
export type ShapeOf = (tensor: string) => readonly number[];

export class Batches {
  readonly #executor: GateExecutor;
  readonly #signature: ModelSignature;
  readonly #shapeOf: ShapeOf;
  readonly #outputShapeOf: ShapeOf | undefined;

  /** @param outputShapeOf what outputs are expected to be like; absent: nobody knows yet */
  constructor(
    executor: GateExecutor,
    signature: ModelSignature,
    shapeOf: ShapeOf,
    outputShapeOf?: ShapeOf,
  ) {
    this.#executor = executor;
    this.#signature = signature;
    this.#shapeOf = shapeOf;
    this.#outputShapeOf = outputShapeOf;
  }

  /**
   * @param rows that `inputs` have
   * @returns the outputs of the same rows, in order
   * @throws ArtifactFailed where it fails by its own fault, or has outputs of another shape than expected; else
   *   what the executor throws
   */
  async run(
    inputs: ReadonlyMap<string, Uint8Array>,
    rows: number,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    signal.throwIfAborted();
    const { maxBatchSize } = this.#executor;
    const signature = { inputs: this.#signature.inputs, maxBatchSize };
    const tensors = tensorsOf(signature, this.#shapeOf, inputs, rows);
    const outputs = await blaming(() => this.#executor.execute(tensors, signal), signal);
    for (const output of outputs) this.#checkShape(output, maxBatchSize > 0 ? [rows] : []);
    return new Map(outputs.map(({ name, data }) => [name, data]));
  }

  #checkShape({ name, shape }: Tensor, leading: readonly number[]): void {
    if (this.#outputShapeOf === undefined) return;
    const expected = shapeText([...leading, ...this.#outputShapeOf(name)]);
    if (shapeText(shape) === expected) return;
    const text = `output '${name}' has shape ${shapeText(shape)}, the reference's ${expected}`;
    throw new ArtifactFailed("INTERNAL", text);
  }

  /** Parts of the rows, by input. */
  inputSlices(inputs: ReadonlyMap<string, Uint8Array>) {
    return this.#slices(inputs, this.#signature.inputs, (name) => this.#shapeOf(name));
  }

  /** Parts of the rows, by output. @param rows that there are */
  outputSlices(outputs: ReadonlyMap<string, Uint8Array>, rows: number) {
    return new Map(
      this.#signature.outputs.flatMap(({ name, datatype }) => {
        const bytes = outputs.get(name);
        if (bytes === undefined) return [];
        if (datatype === "BYTES") {
          const count = textCount(bytes);
          return [[name, slicesOf(datatype, [Math.max(1, count / rows)], bytes)] as const];
        }
        // Whatever its shape: rows are equally long.
        return [[name, slicesOf("UINT8", [bytes.byteLength / rows], bytes)] as const];
      }),
    );
  }

  #slices(
    tensors: ReadonlyMap<string, Uint8Array>,
    specs: ModelSignature["inputs"],
    shapeOf: ShapeOf,
  ) {
    return new Map(
      specs.flatMap(({ name, datatype }) => {
        const bytes = tensors.get(name);
        return bytes === undefined
          ? []
          : [[name, slicesOf(datatype, shapeOf(name), bytes)] as const];
      }),
    );
  }
}

function textCount(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let count = 0;
  for (let at = 0; at + 4 <= bytes.byteLength; count += 1) at += 4 + view.getUint32(at, true);
  return count;
}
