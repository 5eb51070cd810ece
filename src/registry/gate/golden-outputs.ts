/** Golden outputs by the reference: what it answers to the golden inputs. */
import { createReadStream } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ModelSignature } from "../../inference/request.ts";
import { writeNpz } from "../../npz/write-npz.ts";
import { namesIn, openGoldenInputs } from "../golden/golden-files.ts";
import { Batches } from "./batches.ts";
import type { GateExecutor } from "./executor.ts";

const BATCH_ROWS = 1024;

/** Inputs of one batch have at most so many bytes, unless a single row has more. */
const BATCH_BYTES = 8 * 1024 * 1024;

/**
 * What is not whole yet lies beside `paths.outputs`.
 * @returns rows that were written
 * @throws as the execution does
 */
export async function writeGoldenOutputs(
  signature: ModelSignature,
  paths: { readonly inputs: string; readonly outputs: string },
  executor: GateExecutor,
  signal: AbortSignal,
): Promise<number> {
  const golden = await openGoldenInputs(signature, paths.inputs);
  const shapes = new Map(golden.arrays.map(({ name, shape }) => [name, shape.slice(1)]));
  const batches = new Batches(executor, signature, (input) => shapes.get(input) ?? []);
  const parts = new Map<string, OutputPart>();
  try {
    for (const [at, { name }] of signature.outputs.entries()) {
      const path = join(dirname(paths.outputs), `output-${at}.raw`);
      parts.set(name, await OutputPart.make(path));
    }
    const rowBytes = [...shapes.values()].reduce((sum, shape) => sum + bytesOf(shape), 0);
    const affordable = Math.floor(BATCH_BYTES / Math.max(1, rowBytes));
    const size = Math.max(1, Math.min(executor.maxBatchSize, BATCH_ROWS, affordable));
    let rows = 0;
    for await (const chunk of golden.chunks(namesIn(golden, signature.inputs), size)) {
      const outputs = await batches.run(chunk.data, chunk.rows, signal);
      for (const [name, part] of parts) await part.add(outputs.get(name) ?? new Uint8Array());
      rows += chunk.rows;
    }
    const contents = signature.outputs.map((spec) => {
      const part = parts.get(spec.name);
      if (part === undefined) throw new Error(`no output ${spec.name}`);
      return part.content(spec, [rows, ...batches.shapeOfOutput(spec.name)]);
    });
    await writeNpz(paths.outputs, await Promise.all(contents));
    return rows;
  } finally {
    golden.close();
    for (const part of parts.values()) await part.remove();
  }
}

/** One output in the making: a npy file begins with the number of rows. */
class OutputPart {
  readonly #path: string;
  readonly #file: Awaited<ReturnType<typeof open>>;

  private constructor(path: string, file: Awaited<ReturnType<typeof open>>) {
    this.#path = path;
    this.#file = file;
  }

  static async make(path: string): Promise<OutputPart> {
    return new OutputPart(path, await open(path, "wx", 0o600));
  }

  async add(bytes: Uint8Array): Promise<void> {
    await this.#file.appendFile(bytes);
  }

  async content({ name, datatype }: ModelSignature["outputs"][number], shape: readonly number[]) {
    if (datatype === "BYTES") return textContent(name, await readFile(this.#path), shape);
    return {
      name,
      datatype: datatype === "BF16" ? ("UINT16" as const) : datatype,
      shape,
      chunks: createReadStream(this.#path) as AsyncIterable<Uint8Array>,
    };
  }

  async remove(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }
}

/** Of a row of the widest elements; how long texts are nobody knows. */
function bytesOf(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 8);
}

function textContent(name: string, bytes: Buffer, shape: readonly number[]) {
  const texts: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    texts.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  const textBytes = texts.reduce((longest, { length }) => Math.max(longest, length), 1);
  const fixed = Buffer.alloc(texts.length * textBytes);
  for (const [at, text] of texts.entries()) text.copy(fixed, at * textBytes);
  return {
    name,
    datatype: "BYTES" as const,
    shape,
    textBytes,
    chunks: [fixed],
  };
}
