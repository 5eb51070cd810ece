/** The requests that a stream of a scenario asks for. */
import { dirname, resolve } from "node:path";
import type { Random } from "../../models/make/random.ts";
import { StatusError } from "../../src/errors.ts";
import { drawn, spreadText } from "../arrivals/spread.ts";
import { readTrace } from "../arrivals/trace.ts";
import type { Stream } from "../scenario/schema.ts";
import type { ModelShape, Payload, PayloadSource } from "../types.ts";
import { fileRows } from "./file-rows.ts";
import { checkRows, fitModel, hasBatchAxis } from "./fit-model.ts";
import type { RowGenerator } from "./made-rows.ts";
import { rowGenerator } from "./physics/generators.ts";
import { randomInputs } from "./random-tensors.ts";
import { recordedPayloads } from "./recorded.ts";
import { RingSource } from "./ring.ts";

export interface PayloadContext {
  readonly seed: number;
  /** Other files are named relative to it; absent: to the working directory. */
  readonly scenarioFile?: string | undefined;
}

/**
 * @param model whom the requests go to: in two-vendor mode the one that makes the events
 * @throws StatusError where what the stream wants does not fit the model
 */
export async function makePayloads(
  stream: Pick<Stream, "name" | "rows" | "payload">,
  model: ModelShape,
  { seed, scenarioFile }: PayloadContext,
): Promise<PayloadSource> {
  const { payload, name } = stream;
  const what = `stream ${name}`;
  const at = (file: string) =>
    resolve(scenarioFile === undefined ? "." : dirname(scenarioFile), file);
  const ring = (
    describe: string,
    make: (random: Random, events: number) => Omit<Payload, "key">,
    size: number,
  ) => new RingSource({ describe, make, seed, size, purpose: name });
  const perEvent = `rows an event: ${spreadText(stream.rows)}`;
  switch (payload.kind) {
    case "recorded":
      return recordedPayloads(readTrace(at(payload.file)), model, payload.file);
    case "physics":
    case "generated": {
      const from = payload.kind === "physics" ? payload : payload.from;
      const generator = rowGenerator(from.generator, from.signalShare);
      const make = generatedRows(generator, stream, model, what);
      const chain = payload.kind === "generated" ? `, judged after ${payload.by}` : "";
      return ring(`${generator.describe}${chain}; ${perEvent}`, make, payload.pool);
    }
    case "random": {
      const make = (random: Random, events: number) => {
        const batched = hasBatchAxis(model);
        const counts = batched ? rowCounts(stream, events, random) : undefined;
        const rows = counts?.reduce((sum, count) => sum + count, 0) ?? 1;
        checkRows(rows, model, what);
        const inputs = randomInputs(model, rows, payload.shapes, random);
        return { inputs, rows, ...eventRowsOf(counts) };
      };
      return ring(`random values; ${perEvent}`, make, payload.pool);
    }
    case "files": {
      const file = await fileRows({ ...payload, path: at(payload.path) }, model);
      let from = 0;
      const make = (random: Random, events: number) => {
        const counts = rowCounts(stream, events, random);
        const rows = counts.reduce((sum, count) => sum + count, 0);
        checkRows(rows, model, what);
        const taken = file.take(from, rows);
        from += rows;
        return { ...taken, rows, ...eventRowsOf(counts) };
      };
      return ring(`${file.describe}; ${perEvent}`, make, payload.pool);
    }
  }
}

function generatedRows(
  generator: RowGenerator,
  stream: Pick<Stream, "rows">,
  model: ModelShape,
  what: string,
): (random: Random, events: number) => Omit<Payload, "key"> {
  return (random, events) => {
    if (generator.whole === true) {
      if (events !== 1) {
        throw new StatusError(
          "INVALID_ARGUMENT",
          `${what}: graphs cannot be packed, one event is one request`,
        );
      }
      const made = generator.make(random, drawn(stream.rows, random));
      return { ...made, inputs: fitModel(made.inputs, model, what) };
    }
    const counts = rowCounts(stream, events, random);
    const rows = counts.reduce((sum, count) => sum + count, 0);
    checkRows(rows, model, what);
    const made = generator.make(random, rows);
    return { ...made, inputs: fitModel(made.inputs, model, what), ...eventRowsOf(counts) };
  };
}

/** Rows of each event; a request of none is none, so its first event has at least one. */
function rowCounts({ rows }: Pick<Stream, "rows">, events: number, random: Random): Uint32Array {
  const counts = Uint32Array.from({ length: events }, () => drawn(rows, random));
  if (counts.every((count) => count === 0)) counts[0] = 1;
  return counts;
}

function eventRowsOf(counts: Uint32Array | undefined): Pick<Payload, "eventRows"> {
  return counts === undefined || counts.every((count) => count === 1) ? {} : { eventRows: counts };
}
