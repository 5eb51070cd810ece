/** Asks a server what a model takes and gives. Numbers as in Triton's grpc_service.proto. */
import { Client, credentials } from "@grpc/grpc-js";
import protobuf from "protobufjs";

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** -1 for a free axis; the batch axis is axis 0 where the model has one. */
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

const root = protobuf.Root.fromJSON({
  nested: {
    Question: { fields: { name: { type: "string", id: 1 } } },
    Tensor: {
      fields: {
        name: { type: "string", id: 1 },
        datatype: { type: "string", id: 2 },
        shape: { rule: "repeated", type: "int64", id: 3 },
      },
    },
    Answer: {
      fields: {
        name: { type: "string", id: 1 },
        inputs: { rule: "repeated", type: "Tensor", id: 4 },
        outputs: { rule: "repeated", type: "Tensor", id: 5 },
      },
    },
  },
});
const Question = root.lookupType("Question");
const Answer = root.lookupType("Answer");

/** @throws grpc-js' ServiceError (rejection). */
export async function modelMetadata(port: number, name: string): Promise<ModelMetadata> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    return await new Promise<ModelMetadata>((resolve, reject) => {
      client.makeUnaryRequest(
        "/inference.GRPCInferenceService/ModelMetadata",
        (question: object) => Buffer.from(Question.encode(question).finish()),
        (bytes: Buffer) =>
          Answer.toObject(Answer.decode(bytes), { longs: Number, arrays: true }) as ModelMetadata,
        { name },
        { deadline: Date.now() + 10_000 },
        (error, answer) => (answer ? resolve(answer) : reject(error ?? new Error("no answer"))),
      );
    });
  } finally {
    client.close();
  }
}
