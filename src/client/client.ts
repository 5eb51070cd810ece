/** A client of any server that speaks Triton's protocol over gRPC. */
import type { Client } from "@grpc/grpc-js";
import { metadataFor, openChannel, parseAddress } from "./channel.ts";
import type {
  IndexEntry,
  ModelConfig,
  ModelMetadata,
  ModelStatistics,
  ServerMetadata,
} from "./descriptions.ts";
import { InferenceError } from "./error.ts";
import { type InferRequest, InferResult, toMessage, type WireAnswer } from "./infer-message.ts";
import type { CallOptions, ClientOptions } from "./options.ts";
import { DEFAULT_RETRY, type RetryOptions } from "./retry.ts";
import { type Method, type Methods, methods } from "./service.ts";
import { InferStream } from "./stream.ts";
import { callUnary } from "./unary-call.ts";

const DEFAULT_TIMEOUT_MS = 60_000;
const ONCE: RetryOptions = { ...DEFAULT_RETRY, attempts: 1 };

export interface LoadOptions extends CallOptions {
  /** `config.pbtxt` as JSON, in the protocol's words, in place of the repository's. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Files by their path in the model's folder (`1/model.onnx`); they need `config`. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

export class InferenceClient {
  readonly #client: Client;
  readonly #options: ClientOptions;
  readonly #methods: Methods = methods();
  readonly #retry: RetryOptions;

  /**
   * Connects with the first call, and again whenever the connection is lost.
   * @param url `host:port`, `grpc://…`, `grpcs://…` (TLS) or `unix:PATH`; the default port is 8001
   * @throws TypeError where the address is none, or credentials would be readable on their way
   */
  constructor(url: string, options: ClientOptions = {}) {
    this.#options = options;
    this.#retry = options.retry === false ? ONCE : { ...DEFAULT_RETRY, ...options.retry };
    this.#client = openChannel(parseAddress(url), options);
  }

  /**
   * A request of a sequence is made once: nobody knows how far a lost one came.
   * @throws InferenceError; RangeError where the answer cannot be read
   */
  async infer(request: InferRequest, call: CallOptions = {}): Promise<InferResult> {
    const { ModelInfer } = this.#methods.exact;
    const retry = request.sequence === undefined ? this.#retry : ONCE;
    const answer = await this.#ask(ModelInfer, toMessage(request), call, retry);
    return new InferResult(answer as WireAnswer);
  }

  /** One stream for many requests; sequences and decoupled models, too. Without `timeoutMs` it has no deadline. */
  async stream(call: CallOptions = {}): Promise<InferStream> {
    const { ModelStreamInfer } = this.#methods.exact;
    const { path, requestSerialize, responseDeserialize } = known(ModelStreamInfer);
    const metadata = await metadataFor(this.#options, call);
    const { timeoutMs, signal } = call;
    const deadline = timeoutMs ? { deadline: Date.now() + timeoutMs } : {};
    const duplex = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
      deadline,
    );
    return new InferStream(duplex, signal);
  }

  /** All answers of a decoupled model to one request. @throws InferenceError */
  async *responses(request: InferRequest, call: CallOptions = {}): AsyncGenerator<InferResult> {
    const stream = await this.stream(call);
    const parameters = { ...request.parameters, triton_enable_empty_final_response: true };
    await stream.send({ ...request, parameters });
    stream.end();
    for await (const { result, error } of stream) {
      if (error) throw error;
      if (result.outputs.size > 0) yield result;
    }
  }

  /** False also where nobody answers. */
  async serverLive(call: CallOptions = {}): Promise<boolean> {
    return this.#isSo("ServerLive", {}, "live", call);
  }

  /** False also where nobody answers. */
  async serverReady(call: CallOptions = {}): Promise<boolean> {
    return this.#isSo("ServerReady", {}, "ready", call);
  }

  /** False also where nobody answers. */
  async modelReady(name: string, version = "", call: CallOptions = {}): Promise<boolean> {
    return this.#isSo("ModelReady", { name, version }, "ready", call);
  }

  async serverMetadata(call: CallOptions = {}): Promise<ServerMetadata> {
    return this.#describe("ServerMetadata", {}, call);
  }

  async modelMetadata(name: string, version = "", call: CallOptions = {}): Promise<ModelMetadata> {
    return this.#describe("ModelMetadata", { name, version }, call);
  }

  async modelConfig(name: string, version = "", call: CallOptions = {}): Promise<ModelConfig> {
    const answer = await this.#describe<{ config: ModelConfig }>(
      "ModelConfig",
      { name, version },
      call,
    );
    return answer.config;
  }

  /** @param name empty: every model */
  async statistics(
    name = "",
    version = "",
    call: CallOptions = {},
  ): Promise<readonly ModelStatistics[]> {
    const answer = await this.#describe<{ modelStats: readonly ModelStatistics[] }>(
      "ModelStatistics",
      { name, version },
      call,
    );
    return answer.modelStats;
  }

  /** @param readyOnly without those that do not serve */
  async repositoryIndex(readyOnly = false, call: CallOptions = {}): Promise<readonly IndexEntry[]> {
    const answer = await this.#describe<{ models: readonly IndexEntry[] }>(
      "RepositoryIndex",
      { ready: readyOnly },
      call,
    );
    return answer.models;
  }

  /** Resolves when it serves. The server must be in explicit mode. Made once. */
  async loadModel(modelName: string, options: LoadOptions = {}): Promise<void> {
    const { config, files = {}, ...call } = options;
    const parameters = {
      ...(config === undefined ? {} : { config: { stringParam: JSON.stringify(config) } }),
      ...Object.fromEntries(
        Object.entries(files).map(([path, bytes]) => [`file:${path}`, { bytesParam: bytes }]),
      ),
    };
    const message = { modelName, parameters };
    const { RepositoryModelLoad } = this.#methods.plain;
    await this.#ask(RepositoryModelLoad, message, { timeoutMs: 0, ...call }, ONCE);
  }

  /** @param dependents also the models that only an ensemble of this name needs */
  async unloadModel(modelName: string, dependents = false, call: CallOptions = {}): Promise<void> {
    const parameters = dependents ? { unload_dependents: { boolParam: true } } : {};
    const { RepositoryModelUnload } = this.#methods.plain;
    await this.#ask(
      RepositoryModelUnload,
      { modelName, parameters },
      { timeoutMs: 0, ...call },
      ONCE,
    );
  }

  /** What is under way ends with CANCELLED or its answer; further calls are refused. */
  close(): void {
    this.#client.close();
  }

  async #isSo(name: string, message: object, field: string, call: CallOptions): Promise<boolean> {
    try {
      const answer = await this.#ask(this.#methods.plain[name], message, call, ONCE);
      return (answer as Record<string, unknown>)[field] === true;
    } catch (error) {
      if (error instanceof InferenceError && error.code === "UNAVAILABLE") return false;
      throw error;
    }
  }

  /** @typeParam T the answer as proto-loader gives it */
  async #describe<T>(name: string, message: object, call: CallOptions): Promise<T> {
    return (await this.#ask(this.#methods.plain[name], message, call, this.#retry)) as T;
  }

  async #ask(
    method: Method | undefined,
    message: object,
    call: CallOptions,
    retry: RetryOptions,
  ): Promise<unknown> {
    const timeoutMs = call.timeoutMs ?? this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    return callUnary(this.#client, {
      method: known(method),
      message,
      metadata: () => metadataFor(this.#options, call),
      timeoutMs: timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs,
      signal: call.signal,
      retry,
    });
  }
}

function known(method: Method | undefined): Method {
  if (method === undefined) throw new Error("the protocol's file lacks a method");
  return method;
}
