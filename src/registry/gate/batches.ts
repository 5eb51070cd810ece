/** Rows of golden files as batches of an executor. */
import type { Tensor } from "../../../backends/contract.ts";
import { shapeText } from "../../inference/datatypes.ts";
import type { ModelSignature } from "../../inference/request.ts";
import { requestsOf } from "../golden/requests-of.ts";
import { slicesOf } from "../golden/rows-of.ts";
import { ArtifactFailed, blaming } from "./blame.ts";
import type { GateExecutor } from "./executor.ts";

/** Inputs of one row have this shape, or outputs. */
export type ShapeOf = (tensor: string) => readonly number[];

export class Batches {
  readonly #executor: GateExecutor;
  readonly #signature: ModelSignature;
  readonly #shapeOf: ShapeOf;
  readonly #outputShapeOf: ShapeOf | undefined;
  /** Of a row of each output, as the first execution had it. */
  readonly #seen = new Map<string, readonly number[]>();

  /** @param outputShapeOf what outputs are expected to be like; absent: like those of the first execution */
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
    const signature = { ...this.#signature, maxBatchSize };
    const requests = requestsOf(signature, this.#shapeOf, inputs, rows);
    const answers = await blaming(() => this.#executor.execute(requests, signal), signal);
    for (const answer of answers) {
      for (const output of answer) this.#checkShape(output, rows / requests.length);
    }
    const [first = []] = answers;
    return new Map(
      first.map(({ name, data }, at) => [
        name,
        answers.length === 1 ? data : Buffer.concat(answers.map((one) => dataAt(one, at))),
      ]),
    );
  }

  /** Shape of a row of an output that was executed. */
  shapeOfOutput(name: string): readonly number[] {
    return this.#seen.get(name) ?? [];
  }

  #checkShape({ name, shape }: Tensor, rows: number): void {
    const leading = this.#executor.maxBatchSize > 0 && !this.#isOfBatch(name) ? [rows] : [];
    const rowShape = this.#outputShapeOf?.(name) ?? this.#seen.get(name);
    if (rowShape === undefined) {
      this.#seen.set(name, shape.slice(leading.length));
      return;
    }
    const expected = shapeText([...leading, ...rowShape]);
    if (shapeText(shape) === expected) return;
    const whose = this.#outputShapeOf === undefined ? "other golden rows'" : "the reference's";
    const text = `output '${name}' has shape ${shapeText(shape)}, ${whose} ${expected}`;
    throw new ArtifactFailed("INTERNAL", text);
  }

  /** A shape tensor has no batch axis. */
  #isOfBatch(output: string): boolean {
    return this.#signature.outputs.find(({ name }) => name === output)?.shapeTensor === true;
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

const dataAt = (answer: readonly Tensor[], at: number) => answer[at]?.data ?? new Uint8Array();

function textCount(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let count = 0;
  for (let at = 0; at + 4 <= bytes.byteLength; count += 1) at += 4 + view.getUint32(at, true);
  return count;
}
