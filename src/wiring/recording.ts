/**
 * `--record FILE`: when requests come and what they ask, as a trace that the load
 * test replays (`loadtest --replay FILE`): a line of JSON a request.
 *
 *     {"atMs":12.034,"model":"jet_tagger","version":"","rows":1}
 *
 * `atMs` counts from the first request. With `record.tensors` the tensors come
 * along (`inputs`, base64): they are the clients' data, so they are off by default.
 */
import { closeSync, openSync } from "node:fs";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/load.ts";
import { joinPieces } from "../inference/pieces.ts";
import type { InferCall, WireRequest } from "../inference/request.ts";
import type { Service } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import { LineSink } from "../telemetry/line-sink.ts";

type Infer = (wire: WireRequest, call: InferCall) => void;

export interface Recording {
  /** The line itself where nothing is recorded. */
  watch(infer: Infer): Infer;
  readonly on: boolean;
  readonly service: Service;
}

/** Lines that may wait for the disk; more are dropped and counted. */
const WAITING_BYTES = 64 * 2 ** 20;
const LAST_LINES_MS = 2000;

/** @throws Error where the file cannot be written */
export function createRecording(
  { file, tensors, maxBytes }: Config["record"],
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Recording {
  const nothing = async () => undefined;
  if (file === undefined) {
    const service = { name: "recording", start: nothing, stop: nothing };
    return { on: false, watch: (infer) => infer, service };
  }
  const descriptor = openSync(file, "w");
  const sink = new LineSink(descriptor, WAITING_BYTES);
  let first: number | undefined;
  let bytes = 0;
  const record = (wire: WireRequest) => {
    const now = clock.now();
    first ??= now;
    const line = `${JSON.stringify(lineOf(wire, now - first, tensors))}\n`;
    if (bytes + line.length > maxBytes) {
      if (bytes < maxBytes) log.warn(`${file} is full: recording ends here (record.maxBytes)`);
      bytes = maxBytes;
      return;
    }
    bytes += line.length;
    sink.write(line);
  };
  return {
    on: true,
    watch: (infer) => (wire, call) => {
      if (bytes < maxBytes) record(wire);
      infer(wire, call);
    },
    service: {
      name: "recording",
      start: nothing,
      async stop() {
        await sink.idle(LAST_LINES_MS);
        if (sink.droppedLines > 0) log.warn(`${file} lacks ${sink.droppedLines} requests`);
        closeSync(descriptor);
      },
    },
  };
}

function lineOf({ model, version, inputs }: WireRequest, atMs: number, tensors: boolean): object {
  const [first] = inputs;
  return {
    atMs: Number(atMs.toFixed(3)),
    ...{ model, version },
    rows: first?.shape[0] ?? 1,
    ...(tensors ? { inputs: inputs.flatMap(tensorOf) } : {}),
  };
}

/** Nothing of a tensor that lies in memory shared with the client: it is not the gateway's to keep. */
function tensorOf({ name, datatype, shape, data }: WireRequest["inputs"][number]): object[] {
  if (data === undefined || data.source !== undefined) return [];
  const base64 = Buffer.from(joinPieces(data)).toString("base64");
  return [{ name, datatype, shape, data: base64 }];
}
