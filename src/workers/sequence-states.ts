/**
 * What a model hands to its own next execution (Triton's implicit state), kept
 * beside the model: a row of each state per sequence. The gateway sends all
 * requests of a sequence to the same instance, one at a time, so nothing is
 * locked; it says START and END, and tells when a sequence ended without.
 */
import { readFileSync } from "node:fs";
import {
  BackendError,
  BYTES_PER_ELEMENT,
  type ExecutionMember,
  type ModelVariant,
  type StateSpec,
  type Tensor,
  type TensorSpec,
} from "../../backends/contract.ts";
import { bytesRowEnds } from "../inference/bytes-tensor.ts";
import { elementCount } from "../inference/shapes.ts";

interface Row {
  /** Without the batch axis. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

interface State {
  readonly input: TensorSpec;
  readonly output: TensorSpec;
  readonly initial: Row;
}

type Members = readonly ExecutionMember[];

export class SequenceStates {
  /** Outputs that are states, in the order in which `keep` wants them. */
  readonly outputs: readonly string[];
  readonly #batched: boolean;
  readonly #states: readonly State[];
  /** By sequence, a row of each state. */
  readonly #kept = new Map<string, readonly Row[]>();

  /** @throws BackendError where an initial state cannot be read */
  constructor(variant: ModelVariant) {
    this.#batched = variant.maxBatchSize > 0;
    this.#states = (variant.states ?? []).map((state) => ({
      input: specOf(variant.inputs, state.input),
      output: specOf(variant.outputs, state.output),
      initial: initialRow(state, specOf(variant.inputs, state.input)),
    }));
    this.outputs = this.#states.map(({ output }) => output.name);
  }

  /** Sequences whose state is kept. */
  get size(): number {
    return this.#kept.size;
  }

  /** The state inputs of one execution. A member of no sequence fills a row that nobody uses. */
  inputs(members: Members): Tensor[] {
    if (this.#states.length === 0) return [];
    const rows = members.map(({ sequence }) =>
      sequence === undefined || sequence.start ? undefined : this.#rowsOf(sequence.id),
    );
    return this.#states.map(({ input: { name, datatype }, initial }, i) => {
      const parts = rows.map((row) => row?.[i] ?? initial);
      const [first = initial] = parts;
      if (parts.some(({ shape }) => shape.join() !== first.shape.join())) {
        throw new BackendError("internal", `rows of state '${name}' differ in shape`);
      }
      const shape = this.#batched ? [parts.length, ...first.shape] : first.shape;
      return { name, datatype, shape, data: Buffer.concat(parts.map(({ bytes }) => bytes)) };
    });
  }

  /** Where each member answers by itself: a sequence that starts has its initial state, whether it answers or not. */
  begin(members: Members): void {
    if (this.#states.length === 0) return;
    const initial = this.#states.map((state) => state.initial);
    for (const { sequence } of members) {
      if (sequence?.start) this.#kept.set(sequence.id, initial);
    }
  }

  /** Takes the state of the next execution from this one's outputs, which may be views. */
  keep(members: Members, outputs: readonly Tensor[]): void {
    if (this.#states.length === 0) return;
    const columns = outputs.map((tensor) => {
      const shape = this.#batched ? tensor.shape.slice(1) : tensor.shape;
      if (this.#batched && tensor.shape[0] !== members.length) {
        const got = `${tensor.shape[0] ?? "no"} rows`;
        throw new BackendError(
          "internal",
          `state '${tensor.name}' has ${got} for a batch of ${members.length}`,
        );
      }
      return splitRows(tensor, members.length).map((bytes) => ({ shape, bytes }));
    });
    for (const [at, { sequence }] of members.entries()) {
      if (sequence === undefined) continue;
      if (sequence.end) this.#kept.delete(sequence.id);
      else
        this.#kept.set(
          sequence.id,
          columns.flatMap((column) => column[at] ?? []),
        );
    }
  }

  /** The sequence is over without an END. */
  forget(sequence: string): void {
    this.#kept.delete(sequence);
  }

  #rowsOf(id: string): readonly Row[] {
    const rows = this.#kept.get(id);
    if (rows !== undefined) return rows;
    throw new BackendError("internal", `sequence ${id} has no state on this instance`);
  }
}

/** Copies of the bytes of each row: the tensor may be a view of memory that is used again. */
function splitRows({ datatype, shape, data }: Tensor, rows: number): Uint8Array[] {
  const perRow = elementCount(shape) / rows;
  const ends =
    datatype === "BYTES"
      ? bytesRowEnds(data, perRow, rows)
      : Array.from({ length: rows }, (_, i) => (i + 1) * perRow * BYTES_PER_ELEMENT[datatype]);
  return ends.map((end, i) => data.slice(ends[i - 1] ?? 0, end));
}

function specOf(specs: readonly TensorSpec[], name: string): TensorSpec {
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec !== undefined) return spec;
  throw new BackendError("internal", `state '${name}' is no tensor of the model`);
}

function initialRow(
  { initialFile, initialShape: shape }: StateSpec,
  { datatype }: TensorSpec,
): Row {
  if (initialFile === undefined) {
    // Four zero bytes are also an empty text.
    const size = datatype === "BYTES" ? 4 : BYTES_PER_ELEMENT[datatype];
    return { shape, bytes: new Uint8Array(size * elementCount(shape)) };
  }
  try {
    return { shape, bytes: readFileSync(initialFile) };
  } catch (cause) {
    throw new BackendError("artifact", `initial state ${initialFile} cannot be read`, { cause });
  }
}
