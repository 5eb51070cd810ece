/** Messages of the protocol through our own codecs: of clients, in one piece and in several, and of far servers. */
import { isDeepStrictEqual } from "node:util";
import {
  readIndex,
  readModelMetadata,
  readReady,
  readServerMetadata,
} from "../../../backends/remote/codec/answers.ts";
import { readInferResponse } from "../../../backends/remote/codec/infer-response.ts";
import { readModelConfig } from "../../../backends/remote/codec/model-config.ts";
import type { Random } from "../../../models/make/random.ts";
import { decodeInferRequest } from "../../../src/grpc/codec/decode-request.ts";
import {
  decodeInferResponse,
  decodeStreamResponse,
} from "../../../src/grpc/codec/decode-response.ts";
import { loadInferenceDefinition } from "../../../src/grpc/rpc/definition.ts";
import { joinPieces, onePiece } from "../../../src/inference/pieces.ts";
import type { Pieces } from "../../../src/inference/request.ts";
import { grpcSeeds } from "../corpus.ts";
import { pick } from "../mutate.ts";
import { type Family, LARGEST_SEED_BYTES, outcomeOf } from "./family.ts";

const RESPONSE = {
  model_name: "simple",
  model_version: "1",
  id: "7",
  parameters: { site: { string_param: "T2" }, rows: { int64_param: "3" } },
  outputs: [
    { name: "OUTPUT0", datatype: "INT32", shape: [1, 16] },
    {
      name: "OUTPUT1",
      datatype: "BYTES",
      shape: [1, 2],
      contents: { bytes_contents: [Buffer.from("a"), Buffer.from("b")] },
    },
  ],
};
const ANSWERS: Readonly<Record<string, object>> = {
  ModelInfer: {
    ...RESPONSE,
    outputs: RESPONSE.outputs.slice(0, 1),
    raw_output_contents: [Buffer.alloc(64, 1)],
  },
  ModelStreamInfer: { error_message: "", infer_response: RESPONSE },
  ModelReady: { ready: true },
  ServerMetadata: { name: "triton", version: "2", extensions: ["statistics"] },
  ModelMetadata: {
    name: "simple",
    versions: ["1"],
    platform: "onnxruntime_onnx",
    inputs: [{ name: "INPUT0", datatype: "INT32", shape: [-1, 16] }],
    outputs: [{ name: "OUTPUT0", datatype: "INT32", shape: [-1, 16] }],
  },
  RepositoryIndex: { models: [{ name: "simple", version: "1", state: "READY", reason: "" }] },
  ModelConfig: {
    config: {
      name: "simple",
      max_batch_size: 8,
      input: [{ name: "INPUT0", data_type: "TYPE_INT32", dims: [16] }],
      output: [{ name: "OUTPUT0", data_type: "TYPE_INT32", dims: [16] }],
      dynamic_batching: { preferred_batch_size: [4, 8], max_queue_delay_microseconds: 100 },
    },
  },
};

/** Everything of ours that reads protobuf in memory. */
const READERS: readonly ((message: Buffer) => unknown)[] = [
  (message) => decodeInferResponse(onePiece(message)),
  decodeStreamResponse,
  readInferResponse,
  readModelMetadata,
  readServerMetadata,
  readReady,
  readIndex,
  readModelConfig,
];

export function makeProtobufFamily(): Family {
  const { service } = loadInferenceDefinition();
  const methods = Object.values(service);
  const answers = Object.entries(ANSWERS).map(([rpc, answer]) => {
    const method = service[rpc];
    if (method === undefined) throw new Error(`no RPC ${rpc}`);
    return method.responseSerialize(answer);
  });
  return {
    seeds: [...grpcSeeds().map(({ message }) => message), ...answers].filter(
      ({ length }) => length > 0 && length <= LARGEST_SEED_BYTES,
    ),
    read: async (mutant, random) => {
      await outcomeOf(() => pick(READERS, random)(mutant));
      byItsClass(() => pick(methods, random).requestDeserialize(mutant));
      const whole = await decoded(onePiece(mutant));
      const inPieces = await decoded(cut(mutant, random));
      if (!isDeepStrictEqual(whole, inPieces)) {
        throw new Error(
          `in one piece ${JSON.stringify(whole)}, in several ${JSON.stringify(inPieces)}`,
        );
      }
      return typeof whole === "string" ? "refused" : "read";
    },
  };
}

/**
 * The transport makes INTERNAL of whatever proto-loader's protobufjs throws, which is a TypeError where an entry of a
 * map has no value. A stack that overflows is a finding: whoever sends less deep is served by the same stack.
 */
function byItsClass(read: () => unknown): void {
  try {
    read();
  } catch (thrown) {
    if (!(thrown instanceof Error) || /call stack|allocation/.test(thrown.message)) throw thrown;
  }
}

/** Without regard to how many pieces its tensors have; a text: why it was refused. */
async function decoded(message: Pieces): Promise<unknown> {
  let request: ReturnType<typeof decodeInferRequest> | undefined;
  const outcome = await outcomeOf(() => {
    request = decodeInferRequest(message);
  });
  if (request === undefined) return outcome;
  const inputs = request.inputs.map(({ data, ...input }) => ({
    ...input,
    data: data === undefined ? undefined : Buffer.from(joinPieces(data)).toString("hex"),
  }));
  return { ...request, inputs, dataError: request.dataError?.message };
}

function cut(message: Buffer, random: Random): Pieces {
  const places = Array.from({ length: random.integer(4) }, () =>
    random.integer(message.length + 1),
  );
  const ends = [...places.toSorted((one, other) => one - other), message.length];
  const pieces = ends.map((end, i) => message.subarray(ends[i - 1] ?? 0, end));
  return { byteLength: message.length, pieces };
}
