/** A small service that both our server and grpc-js' serve, and its grpc-js client. */
import { join } from "node:path";
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ServiceError as ClientError,
  type ClientReadableStream,
  credentials,
  Metadata,
} from "@grpc/grpc-js";
import { systemClock } from "../../src/clock.ts";
import type {
  SendUnary,
  ServiceDefinition,
  StreamingCall,
  UnaryCall,
} from "../../src/grpc/transport/method.ts";
import { DEFAULT_KEEPALIVE, type GrpcServerOptions } from "../../src/grpc/transport/options.ts";
import { silent } from "../../src/logger.ts";
import { packageRoot } from "../../src/package-root.ts";

export interface Message {
  readonly text?: string;
  readonly count?: number;
}

const toBytes = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const fromBytes = (bytes: Buffer): Message => JSON.parse(bytes.toString());

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Tested/${name}`,
    requestStream,
    responseStream,
    requestSerialize: toBytes,
    requestDeserialize: fromBytes,
    responseSerialize: toBytes,
    responseDeserialize: fromBytes,
  };
}

export const definition = {
  Echo: method("Echo", false, false),
  Fail: method("Fail", false, false),
  Throw: method("Throw", false, false),
  Headers: method("Headers", false, false),
  Never: method("Never", false, false),
  Missing: method("Missing", false, false),
  Count: method("Count", false, true),
  Sum: method("Sum", true, false),
  Chat: method("Chat", true, true),
} satisfies ServiceDefinition;

type MethodName = keyof typeof definition;

/** What a call of `Never` saw, for the test to look at. */
export interface Witness {
  cancelled: number;
  open: number;
}

export function implementation(witness: Witness = { cancelled: 0, open: 0 }) {
  return {
    Echo: (call: UnaryCall, respond: SendUnary) => respond(null, call.request),
    Fail(call: UnaryCall, respond: SendUnary) {
      const metadata = new Metadata();
      metadata.set("why", "because");
      respond({ code: 9, details: (call.request as Message).text ?? "", metadata });
    },
    Throw() {
      throw new Error("out of luck");
    },
    Headers(call: UnaryCall, respond: SendUnary) {
      const initial = new Metadata();
      for (const value of call.metadata.get("x-echo")) initial.add("x-initial", value);
      for (const value of call.metadata.get("x-echo-bin")) initial.add("x-initial-bin", value);
      call.sendMetadata(initial);
      const trailing = new Metadata();
      trailing.set("x-trailing", "last");
      respond(null, { text: Object.keys(call.metadata.getMap()).sort().join() }, trailing);
    },
    Never(call: UnaryCall) {
      witness.open++;
      call.on("cancelled", () => {
        witness.cancelled++;
      });
    },
    Count(call: StreamingCall) {
      const { count = 0 } = call.request as Message;
      for (let i = 0; i < count; i++) call.write({ count: i });
      call.end();
    },
    Sum(call: StreamingCall, respond: SendUnary) {
      let count = 0;
      call.on("data", (message: Message) => {
        count += message.count ?? 0;
      });
      call.on("end", () => respond(null, { count }));
    },
    Chat(call: StreamingCall) {
      call.on("data", (message: Message) => {
        if (message.text === "fail") call.emit("error", { code: 11, details: "told to" });
        else call.write({ text: `${message.text}!` });
      });
      call.on("end", () => call.end());
    },
  };
}

/** The same tests with edge processes between client and server: the project `edges` of `vitest.config.ts`. */
const EDGES = Number(process.env["WIRE_EDGES"] ?? 0);
export const EDGE_ENTRY = join(packageRoot, "dist/src/grpc/edge/main.js");

export function serverOptions(overrides: Partial<GrpcServerOptions> = {}): GrpcServerOptions {
  return {
    address: "127.0.0.1",
    port: 0,
    maxMessageBytes: 2 ** 31 - 1,
    receiveBudgetBytes: 64 * 1024 * 1024,
    responseCompression: "none",
    keepalive: DEFAULT_KEEPALIVE,
    maxConnectionAgeMs: 0,
    maxConnectionAgeGraceMs: 0,
    maxConcurrentStreams: 1000,
    clock: systemClock,
    log: silent,
    ...(EDGES > 0 && { edges: { count: EDGES, entry: EDGE_ENTRY } }),
    ...overrides,
  };
}

export interface Reply {
  readonly message: Message | undefined;
  readonly error: ClientError | undefined;
  readonly initial: Metadata | undefined;
  readonly trailing: Metadata | undefined;
}

export class TestClient extends Client {
  constructor(port: number, creds = credentials.createInsecure(), options: object = {}) {
    super(`localhost:${port}`, creds, {
      "grpc.max_receive_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
      ...options,
    });
  }

  unary(
    name: MethodName,
    request: Message,
    { metadata = new Metadata(), ...options }: CallOptions & { metadata?: Metadata } = {},
  ): Promise<Reply> {
    const { path, requestSerialize, responseDeserialize } = definition[name];
    return new Promise((resolve) => {
      let initial: Metadata | undefined;
      let trailing: Metadata | undefined;
      let answer: [ClientError | null, Message | undefined] | undefined;
      const settle = () => {
        if (!answer || !trailing) return;
        const [error, message] = answer;
        resolve({ message, error: error ?? undefined, initial, trailing });
      };
      const call = this.makeUnaryRequest(
        ...([path, requestSerialize, responseDeserialize, request, metadata, options] as const),
        (error, message) => {
          answer = [error, message];
          settle();
        },
      );
      call.on("metadata", (received) => {
        initial = received;
      });
      call.on("status", (status) => {
        trailing = status.metadata;
        settle();
      });
    });
  }

  stream(name: MethodName, request: Message): ClientReadableStream<Message> {
    const { path, requestSerialize, responseDeserialize } = definition[name];
    return this.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  }

  duplex(name: MethodName, options: CallOptions = {}): ClientDuplexStream<Message, Message> {
    const { path, requestSerialize, responseDeserialize } = definition[name];
    return this.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, options);
  }

  sum(messages: readonly Message[]): Promise<Message | undefined> {
    const { path, requestSerialize, responseDeserialize } = definition.Sum;
    return new Promise((resolve, reject) => {
      const call = this.makeClientStreamRequest(
        ...([path, requestSerialize, responseDeserialize] as const),
        (error: ClientError | null, message?: Message) =>
          error ? reject(error) : resolve(message),
      );
      for (const message of messages) call.write(message);
      call.end();
    });
  }
}

/** All messages of a stream and how it ended. */
export function collect(
  call: ClientReadableStream<Message> | ClientDuplexStream<Message, Message>,
): Promise<{
  readonly messages: readonly Message[];
  readonly code: number;
  readonly details: string;
}> {
  return new Promise((resolve) => {
    const messages: Message[] = [];
    call.on("data", (message: Message) => messages.push(message));
    call.on("error", () => {});
    call.on("status", ({ code, details }) => resolve({ messages, code, details }));
  });
}
