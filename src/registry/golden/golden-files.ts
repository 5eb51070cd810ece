/** A pair of golden files, checked against the model they are for and read side by side. */
import { StatusError } from "../../errors.ts";
import { shapeText } from "../../inference/datatypes.ts";
import type { ClientTensorSpec, ModelSignature } from "../../inference/request.ts";
import { type NpzArray, type NpzFile, openNpz } from "../../npz/read-npz.ts";
import { elementPairs } from "../../policy/equivalence/elements.ts";

export interface GoldenRows {
  readonly first: number;
  readonly rows: number;
  readonly inputs: ReadonlyMap<string, Uint8Array>;
  readonly outputs: ReadonlyMap<string, Uint8Array>;
  /** 0 or 1 a row, where the outputs have an array `labels`. */
  readonly labels: Float64Array | undefined;
}

const LABELS = "labels";
/** What is kept of each row while the others are compared is in memory: 5 bytes. */
const MOST_ROWS = 2 ** 24;

export class GoldenPair {
  readonly rows: number;
  readonly #inputs: NpzFile;
  readonly #outputs: NpzFile;
  readonly #signature: ModelSignature;

  private constructor(inputs: NpzFile, outputs: NpzFile, signature: ModelSignature) {
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#signature = signature;
    this.rows = rowsOf(inputs.arrays);
  }

  /** @throws StatusError INVALID_ARGUMENT naming the file, the array and what was expected */
  static async open(
    signature: ModelSignature,
    paths: { readonly inputs: string; readonly outputs: string },
  ): Promise<GoldenPair> {
    const inputs = await openGoldenInputs(signature, paths.inputs);
    let outputs: NpzFile | undefined;
    try {
      outputs = await openNpz(paths.outputs);
      checkArrays("golden outputs", outputs, signature.outputs, [LABELS]);
      checkLabels(outputs.arrays.find(({ name }) => name === LABELS));
      const [ours, theirs] = [rowsOf(inputs.arrays), rowsOf(outputs.arrays)];
      if (ours !== theirs) {
        throw invalid(`the golden inputs have ${ours} rows, the golden outputs ${theirs}`);
      }
      return new GoldenPair(inputs, outputs, signature);
    } catch (cause) {
      inputs.close();
      outputs?.close();
      throw cause;
    }
  }

  /** Shape of a row of an input, as the file has it. */
  shapeOf(input: string): readonly number[] {
    return rowShape(this.#inputs, input);
  }

  /** Shape of a row of an output, as the file has it. */
  shapeOfOutput(output: string): readonly number[] {
    return rowShape(this.#outputs, output);
  }

  get inputNames(): readonly string[] {
    return namesIn(this.#inputs, this.#signature.inputs);
  }

  async *chunks(rowsPerChunk: number): AsyncIterable<GoldenRows> {
    const labelled = this.#outputs.arrays.some(({ name }) => name === LABELS);
    const names = this.#signature.outputs.map(({ name }) => name);
    const outputs = this.#outputs
      .chunks([...names, ...(labelled ? [LABELS] : [])], rowsPerChunk)
      [Symbol.asyncIterator]();
    try {
      for await (const { first, rows, data } of this.#inputs.chunks(
        this.inputNames,
        rowsPerChunk,
      )) {
        const { value, done } = await outputs.next();
        if (done === true) return;
        const labels = value.data.get(LABELS);
        yield {
          first,
          rows,
          inputs: data,
          outputs: value.data,
          labels: labels && this.#labelsOf(labels, rows),
        };
      }
      await outputs.next(); // at their end they are checked, too
    } finally {
      await outputs.return?.(undefined);
    }
  }

  close(): void {
    this.#inputs.close();
    this.#outputs.close();
  }

  /** numpy makes int64 of 0 and 1 where nobody says otherwise. */
  #labelsOf(bytes: Uint8Array, rows: number): Float64Array {
    const datatype = this.#outputs.arrays.find(({ name }) => name === LABELS)?.datatype;
    if (datatype === undefined || datatype === "BYTES") throw invalid(`'${LABELS}' are no numbers`);
    const { got } = elementPairs(datatype, bytes, bytes);
    return Float64Array.from({ length: rows }, (_, row) => got(row));
  }
}

/** @throws StatusError INVALID_ARGUMENT */
export async function openGoldenInputs(signature: ModelSignature, path: string): Promise<NpzFile> {
  const inputs = await openNpz(path);
  try {
    const given = new Set(inputs.arrays.map(({ name }) => name));
    const expected = signature.inputs.filter(
      ({ name, optional }) => optional !== true || given.has(name),
    );
    checkArrays("golden inputs", inputs, expected);
    const rows = rowsOf(inputs.arrays);
    if (rows === 0) throw invalid("the golden inputs have no rows");
    if (rows > MOST_ROWS) {
      throw invalid(`the golden inputs have ${rows} rows, at most ${MOST_ROWS} are compared`);
    }
    return inputs;
  } catch (cause) {
    inputs.close();
    throw cause;
  }
}

export function namesIn(file: NpzFile, specs: readonly ClientTensorSpec[]): readonly string[] {
  const there = new Set(file.arrays.map(({ name }) => name));
  return specs.map(({ name }) => name).filter((name) => there.has(name));
}

function checkArrays(
  what: string,
  file: NpzFile,
  specs: readonly ClientTensorSpec[],
  others: readonly string[] = [],
): void {
  for (const spec of specs) {
    const array = file.arrays.find(({ name }) => name === spec.name);
    const names = file.arrays.map(({ name }) => name).join(", ") || "none";
    if (array === undefined)
      throw invalid(`the ${what} have no array '${spec.name}', but ${names}`);
    if (!sameType(array, spec)) {
      throw invalid(
        `array '${spec.name}' of the ${what} is ${array.datatype} ${shapeText(array.shape)}, ` +
          `expected ${spec.datatype} ${shapeText([-1, ...spec.shape])} with the rows as axis 0`,
      );
    }
    // Such rows take no room in the file: a file of 100 bytes may claim any number of them.
    if (array.shape.slice(1).includes(0)) {
      const found = shapeText(array.shape);
      throw invalid(`array '${spec.name}' of the ${what} is ${found}: its rows have no elements`);
    }
  }
  const known = new Set([...specs.map(({ name }) => name), ...others]);
  const unknown = file.arrays.find(({ name }) => !known.has(name));
  if (unknown !== undefined) {
    throw invalid(`the ${what} have an array '${unknown.name}' that the model has not`);
  }
  const rows = rowsOf(file.arrays);
  const other = file.arrays.find(({ shape }) => shape[0] !== rows);
  if (other === undefined) return;
  throw invalid(
    `array '${file.arrays[0]?.name}' of the ${what} has ${rows} rows, array '${other.name}' ${other.shape[0] ?? "none"}`,
  );
}

function sameType({ datatype, shape }: NpzArray, spec: ClientTensorSpec): boolean {
  // numpy has no BF16: its bits come as uint16.
  const fits = datatype === spec.datatype || (spec.datatype === "BF16" && datatype === "UINT16");
  return (
    fits &&
    shape.length === spec.shape.length + 1 &&
    spec.shape.every((axis, at) => axis === -1 || axis === shape[at + 1])
  );
}

/** More elements a row would be taken for those of other rows. */
function checkLabels(labels: NpzArray | undefined): void {
  if (labels === undefined || (labels.datatype !== "BYTES" && labels.shape.length === 1)) return;
  const found = `${labels.datatype} ${shapeText(labels.shape)}`;
  throw invalid(`array '${LABELS}' of the golden outputs is ${found}, expected 0 or 1 a row`);
}

function rowShape({ arrays }: NpzFile, name: string): readonly number[] {
  return (arrays.find((array) => array.name === name)?.shape ?? []).slice(1);
}

function rowsOf(arrays: readonly NpzArray[]): number {
  return arrays[0]?.shape[0] ?? 0;
}

function invalid(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}
