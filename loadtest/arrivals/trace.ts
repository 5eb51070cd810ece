/**
 * A recorded trace: a line of JSON for each request, in the order of their times.
 * Written by whoever records, read by replay (times) and by payloads (tensors).
 *
 *     {"atMs":0,"model":"jet_tagger","inputs":[{"name":"input","datatype":"FP32",
 *      "shape":[1,16],"data":"<base64>"}]}
 *
 * `atMs` counts from the first request; all but it may be left out.
 */
import { readFileSync, statSync } from "node:fs";
import { StatusError } from "../../src/errors.ts";
import type { Arrivals, Intended, PayloadTensor } from "../types.ts";

export interface TraceLine {
  readonly atMs: number;
  readonly model?: string;
  readonly version?: string;
  readonly inputs?: readonly PayloadTensor[];
}

/** It is read as one text. */
const LARGEST_BYTES = 500 * 2 ** 20;

/** @throws StatusError with the line that is wrong */
export function readTrace(file: string): TraceLine[] {
  let text: string;
  try {
    if (statSync(file).size > LARGEST_BYTES) {
      throw new StatusError(
        "INVALID_ARGUMENT",
        `trace ${file}: larger than 500 MiB; replay a part of it (head -n LINES)`,
      );
    }
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof StatusError) throw cause;
    throw new StatusError("NOT_FOUND", `trace ${file}: cannot be read`, { cause });
  }
  const lines: TraceLine[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    if (line.trim() !== "") lines.push(parseLine(line, `${file}:${at + 1}`, lines.at(-1)?.atMs));
  }
  if (lines.length === 0) throw new StatusError("INVALID_ARGUMENT", `trace ${file}: is empty`);
  return lines;
}

function parseLine(line: string, place: string, before = 0): TraceLine {
  const wrong = (text: string, cause?: unknown) =>
    new StatusError("INVALID_ARGUMENT", `trace ${place}: ${text}`, { cause });
  let read: Record<string, unknown>;
  try {
    read = JSON.parse(line) as Record<string, unknown>;
  } catch (cause) {
    throw wrong("no JSON", cause);
  }
  const { atMs, inputs } = read;
  if (typeof atMs !== "number" || !(atMs >= 0)) throw wrong("`atMs` is no time in ms");
  if (atMs < before) throw wrong(`\`atMs\` ${atMs} lies before the line above (${before})`);
  const text = (name: string) =>
    typeof read[name] === "string" ? { [name]: read[name] as string } : {};
  return {
    ...{ atMs, ...text("model"), ...text("version") },
    ...(inputs === undefined ? {} : { inputs: tensorsOf(inputs, wrong) }),
  };
}

function tensorsOf(inputs: unknown, wrong: (text: string) => StatusError): PayloadTensor[] {
  if (!Array.isArray(inputs)) throw wrong("`inputs` is no list");
  return inputs.map((input: unknown) => {
    const { name, datatype, shape, data } = (input ?? {}) as Record<string, unknown>;
    if (typeof name !== "string" || typeof datatype !== "string" || typeof data !== "string") {
      throw wrong("an input needs `name`, `datatype`, `shape` and `data` (base64)");
    }
    if (
      !Array.isArray(shape) ||
      !shape.every((length) => Number.isInteger(length) && length >= 0)
    ) {
      throw wrong(`the shape of input '${name}' is no list of lengths`);
    }
    return { name, datatype, shape: shape as number[], data: Buffer.from(data, "base64") };
  });
}

/** Those of a model, and those that name none. @throws StatusError where there are none */
export function linesOf(
  trace: readonly TraceLine[],
  model: string | undefined,
  file: string,
): readonly TraceLine[] {
  if (model === undefined) return trace;
  const own = trace.filter((line) => line.model === undefined || line.model === model);
  if (own.length > 0) return own;
  const models = [...new Set(trace.map((line) => line.model))].join(", ");
  throw new StatusError(
    "INVALID_ARGUMENT",
    `trace ${file}: no requests to model ${model}, but to ${models}`,
  );
}

export interface Replay {
  /** 2: twice as fast as it was. */
  readonly speed: number;
  /** From the beginning again when it is over. */
  readonly repeat: boolean;
}

/**
 * The times of a trace. A repetition begins one mean interval after the last request.
 * @param model of several in the trace, the one whose requests are replayed; times stay those of the whole
 */
export function replayArrivals(
  trace: readonly TraceLine[],
  { speed, repeat }: Replay,
  file: string,
  model?: string,
): Arrivals {
  const own = linesOf(trace, model, file);
  const first = trace[0]?.atMs ?? 0;
  const spanMs = (trace.at(-1)?.atMs ?? 0) - first;
  const roundMs = trace.length > 1 ? (spanMs * trace.length) / (trace.length - 1) : 1000;
  return {
    describe: `${own.length} requests of ${file}${repeat ? ", over and over" : ""}`,
    scale:
      speed === 1 ? "the times as they were recorded" : `${speed} times as fast as it was recorded`,
    *[Symbol.iterator](): Iterator<Intended> {
      for (let round = 0; ; round++) {
        for (const { atMs } of own) {
          yield { atMs: (round * roundMs + atMs - first) / speed, events: 1 };
        }
        if (!repeat || roundMs === 0) return;
      }
    },
  };
}
