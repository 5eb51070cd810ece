/** A gRPC client that sends prepared ModelInfer bytes: `@grpc/grpc-js`, not the gateway's own code. */
import {
  type ChannelOptions,
  Client,
  type ClientUnaryCall,
  credentials,
  Metadata,
} from "@grpc/grpc-js";
import { decodeAnswer, type InferAnswer } from "./infer-messages.ts";

const MODEL_INFER = "/inference.GRPCInferenceService/ModelInfer";
const asIs = (bytes: Buffer) => bytes;

export class InferClient {
  readonly #client: Client;
  readonly #calls = new Set<ClientUnaryCall>();

  constructor(port: number, options: ChannelOptions = {}) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1, // a connection of its own
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
      ...options,
    });
  }

  /** @throws grpc-js' ServiceError (rejection). */
  infer(
    question: Buffer,
    timeoutMs = 30_000,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<InferAnswer> {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        MODEL_INFER,
        asIs,
        decodeAnswer,
        question,
        metadata,
        { deadline: Date.now() + timeoutMs },
        (error, answer) => {
          this.#calls.delete(call);
          if (error) reject(error);
          else if (answer) resolve(answer);
          else reject(new Error("neither an answer nor an error"));
        },
      );
      this.#calls.add(call);
    });
  }

  /** Gives up what was asked: it is rejected as CANCELLED. */
  cancel(): void {
    for (const call of this.#calls) call.cancel();
  }

  close(): void {
    this.#client.close();
  }
}
