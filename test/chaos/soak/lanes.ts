/** The ways in that a soak uses at the same time: unary, stream, HTTP, and shared memory over HTTP. Each checks its answers. */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { decodeAnswer } from "../../support/infer-messages.ts";
import { identityQuestion } from "../questions.ts";

const WIDTH = 16;
const BYTES = 4 * WIDTH;
const STREAM = "/inference.GRPCInferenceService/ModelStreamInfer";
/** A soak is not a benchmark: a lane asks, waits a little, and asks again. */
const PAUSE_MS = 5;
const LIMIT_MS = 30_000;

type Headers = Readonly<Record<string, string>>;

/** A loop of questions, one at a time. */
export abstract class Lane {
  answered = 0;
  readonly troubles: string[] = [];
  #stopped = false;
  #loop: Promise<void> | undefined;

  /** @returns what is wrong with the answer; undefined: nothing. @throws what the gateway refused with */
  protected abstract ask(turn: number): Promise<string | undefined>;
  protected abstract close(): void | Promise<void>;

  start(): this {
    this.#loop = this.#run();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    await this.close();
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#stopped; turn += 1) {
      const trouble = await this.ask(turn).catch((thrown: unknown) =>
        thrown instanceof Error ? thrown.message : String(thrown),
      );
      if (trouble === undefined) this.answered += 1;
      else this.troubles.push(trouble);
      await sleep(PAUSE_MS);
    }
  }
}

/** One stream as long as it lives; a message, its answer, the next message. */
export class StreamLane extends Lane {
  readonly #client: Client;
  readonly #headers: Headers;
  #waiting:
    | { readonly got: (answer: Buffer) => void; readonly lost: (why: Error) => void }
    | undefined;
  #call: ClientDuplexStream<Buffer, Buffer> | undefined;

  constructor(port: number, headers: Headers) {
    super();
    this.#headers = headers;
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  protected async ask(turn: number): Promise<string | undefined> {
    const call = this.#call ?? this.#open();
    this.#call = call;
    const question = identityQuestion("soak", 1 + (turn % 3), WIDTH, turn);
    const message = await new Promise<Buffer>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("no answer in a stream")), LIMIT_MS);
      const over =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(late);
          this.#waiting = undefined;
          then(value);
        };
      this.#waiting = { got: over(resolve), lost: over(reject) };
      call.write(question.bytes);
    });
    const { error, answer } = streamAnswer(message);
    if (error !== "") return error;
    return question.check(decodeAnswer(answer));
  }

  protected close(): void {
    this.#call?.cancel();
    this.#client.close();
  }

  #open(): ClientDuplexStream<Buffer, Buffer> {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(this.#headers)) metadata.set(name, value);
    const asIs = (bytes: Buffer) => bytes;
    const call = this.#client.makeBidiStreamRequest(STREAM, asIs, asIs, metadata);
    call.on("data", (message: Buffer) => this.#waiting?.got(message));
    const end = (why: Error) => {
      this.#call = undefined;
      this.#waiting?.lost(why);
    };
    call.on("error", end);
    call.on("end", () => end(new Error("the stream ended")));
    return call;
  }
}

/** `ModelStreamInferResponse`: a text in field 1, an answer in field 2. */
function streamAnswer(message: Buffer): { readonly error: string; readonly answer: Uint8Array } {
  const reader = protobuf.Reader.create(message);
  let error = "";
  let answer: Uint8Array = new Uint8Array(0);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) error = reader.string();
    else if (tag >>> 3 === 2) answer = reader.bytes();
    else reader.skipType(tag & 7);
  }
  return { error, answer };
}

/** JSON both ways. */
export class HttpLane extends Lane {
  protected readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  protected readonly port: number;
  protected readonly headers: Headers;

  constructor({ httpPort }: GatewayProcess, headers: Headers) {
    super();
    this.port = httpPort;
    this.headers = headers;
  }

  protected async ask(turn: number): Promise<string | undefined> {
    const data = Array.from({ length: WIDTH }, (_, at) => turn + at);
    const inputs = [{ name: "INPUT0", datatype: "FP32", shape: [1, WIDTH], data }];
    const { outputs } = await this.post("/v2/models/soak/infer", { inputs });
    const got = JSON.stringify(outputs?.[0]?.data);
    return got === JSON.stringify(data) ? undefined : `wrong answer: ${got}`;
  }

  protected close(): void | Promise<void> {
    this.agent.destroy();
  }

  protected async post(path: string, body: object, headers = this.headers): Promise<HttpAnswer> {
    const text = JSON.stringify(body);
    const { status, bytes } = await new Promise<{ status: number; bytes: string }>(
      (resolve, reject) => {
        const call = request(
          {
            ...{ host: "127.0.0.1", port: this.port, path, method: "POST", agent: this.agent },
            headers: {
              ...headers,
              "content-type": "application/json",
              "content-length": Buffer.byteLength(text),
            },
          },
          (response) => {
            let got = "";
            response.setEncoding("utf8");
            response.on("data", (piece: string) => {
              got += piece;
            });
            response.on("end", () => resolve({ status: response.statusCode ?? 0, bytes: got }));
            response.on("error", reject);
          },
        );
        call.on("error", reject);
        call.end(text);
      },
    );
    if (status !== 200) throw new Error(`HTTP ${status}: ${bytes.slice(0, 200)}`);
    return (bytes === "" ? {} : JSON.parse(bytes)) as HttpAnswer;
  }
}

interface HttpAnswer {
  readonly outputs?: readonly { readonly data?: readonly number[] }[];
}

/** Its tensors lie in /dev/shm, two regions that it registers once. */
export class SharedMemoryLane extends HttpLane {
  readonly #operator: Headers;
  readonly #key = `beamgate_soak_${process.pid}`;
  readonly #file: number;
  #registered = false;

  constructor(gateway: GatewayProcess, headers: Headers, operator: Headers) {
    super(gateway, headers);
    this.#operator = operator;
    this.#file = openSync(`/dev/shm/${this.#key}`, "w+");
    writeSync(this.#file, new Uint8Array(2 * BYTES), 0, 2 * BYTES, 0);
  }

  protected override async ask(turn: number): Promise<string | undefined> {
    if (!this.#registered) {
      const body = { key: `/${this.#key}`, offset: 0, byte_size: 2 * BYTES };
      await this.post("/v2/systemsharedmemory/region/soak/register", body, this.#operator);
      this.#registered = true;
    }
    const values = Float32Array.from({ length: WIDTH }, (_, at) => (turn % 1_000_003) + at);
    const written = new Uint8Array(values.buffer);
    writeSync(this.#file, written, 0, BYTES, 0);
    writeSync(this.#file, new Uint8Array(BYTES), 0, BYTES, BYTES);
    const placed = (offset: number) => ({
      ...{ shared_memory_region: "soak", shared_memory_byte_size: BYTES },
      ...(offset > 0 ? { shared_memory_offset: offset } : {}),
    });
    const tensor = { name: "INPUT0", datatype: "FP32", shape: [1, WIDTH], parameters: placed(0) };
    const outputs = [{ name: "OUTPUT0", parameters: placed(BYTES) }];
    await this.post("/v2/models/soak/infer", { inputs: [tensor], outputs });
    const got = Buffer.alloc(BYTES);
    readSync(this.#file, got, 0, BYTES, BYTES);
    return got.equals(written) ? undefined : "wrong answer in shared memory";
  }

  protected override async close(): Promise<void> {
    await this.post("/v2/systemsharedmemory/region/soak/unregister", {}, this.#operator);
    await super.close();
    closeSync(this.#file);
    unlinkSync(`/dev/shm/${this.#key}`);
  }
}
