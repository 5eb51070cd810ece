/** One far server, and the calls of the protocol that are made to it. */
import {
  type FarIndexEntry,
  type FarModelMetadata,
  nameAndVersion,
  readIndex,
  readModelMetadata,
  readReady,
  readServerMetadata,
  type ServerIdentity,
} from "./codec/answers.ts";
import type { FarModel } from "./codec/infer-request.ts";
import { type FarModelConfig, readModelConfig } from "./codec/model-config.ts";
import { asBackendError, type Redact, redactor } from "./faults.ts";
import { Connection } from "./grpc/connection.ts";
import { CallFailed } from "./grpc/status.ts";
import { callUnary, PREFIX_BYTES } from "./grpc/unary-call.ts";
import type { RemoteOptions } from "./options.ts";

const SERVICE = "/inference.GRPCInferenceService/";
const NOTHING = Buffer.alloc(0);

export interface FarServerParts extends Pick<RemoteOptions, "tls" | "headers" | "timeoutMs"> {
  /** `host:port` to connect to, or a name where there is a `path`. */
  readonly address: string;
  /** Of the unix socket to connect to. */
  readonly path?: string;
  /** The name that `address` was found under, where it was: certificates are made out to it. */
  readonly name?: string;
}

export class FarServer {
  readonly address: string;
  readonly #connection: Connection;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #inferHeaders: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;
  readonly #redact: Redact;

  constructor({ address, path, name, tls, headers, timeoutMs }: FarServerParts) {
    this.address = address;
    this.#timeoutMs = timeoutMs;
    this.#redact = redactor(headers);
    this.#connection = new Connection({ address, path, name, tls });
    this.#headers = {
      ":method": "POST",
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    };
    this.#inferHeaders = this.#headersOf("ModelInfer", timeoutMs);
  }

  /**
   * One ModelInfer.
   * @param message encoded, behind `PREFIX_BYTES` of room
   * @throws BackendError (rejection)
   */
  async infer(message: Buffer, signal: AbortSignal): Promise<Buffer> {
    const call = { connection: this.#connection, headers: this.#inferHeaders, message, signal };
    try {
      return await callUnary({ ...call, timeoutMs: this.#timeoutMs });
    } catch (thrown) {
      throw this.#fault(thrown);
    }
  }

  async identity(timeoutMs: number): Promise<ServerIdentity> {
    return readServerMetadata(await this.#ask("ServerMetadata", NOTHING, timeoutMs));
  }

  /** True: the model would answer now. @throws BackendError where the server does not say */
  async modelReady({ name, version }: FarModel, timeoutMs: number): Promise<boolean> {
    return readReady(await this.#ask("ModelReady", nameAndVersion(name, version), timeoutMs));
  }

  async modelMetadata({ name, version }: FarModel): Promise<FarModelMetadata> {
    return readModelMetadata(await this.#ask("ModelMetadata", nameAndVersion(name, version)));
  }

  /** undefined: a server without this extension of Triton's. */
  async modelConfig({ name, version }: FarModel): Promise<FarModelConfig | undefined> {
    const answer = await this.#extension("ModelConfig", nameAndVersion(name, version));
    return answer && readModelConfig(answer);
  }

  /** undefined: a server without this extension of Triton's. */
  async index(): Promise<readonly FarIndexEntry[] | undefined> {
    const answer = await this.#extension("RepositoryIndex", NOTHING);
    return answer && readIndex(answer);
  }

  close(): void {
    this.#connection.close();
  }

  async #ask(method: string, question: Buffer, timeoutMs = this.#timeoutMs): Promise<Buffer> {
    try {
      return await this.#call(method, question, timeoutMs);
    } catch (thrown) {
      throw this.#fault(thrown);
    }
  }

  async #extension(method: string, question: Buffer): Promise<Buffer | undefined> {
    try {
      return await this.#call(method, question, this.#timeoutMs);
    } catch (thrown) {
      if (thrown instanceof CallFailed && thrown.status === "UNIMPLEMENTED") return undefined;
      throw this.#fault(thrown);
    }
  }

  #call(method: string, question: Buffer, timeoutMs: number): Promise<Buffer> {
    const message = Buffer.concat([Buffer.alloc(PREFIX_BYTES), question]);
    const headers = this.#headersOf(method, timeoutMs);
    return callUnary({ connection: this.#connection, headers, message, timeoutMs });
  }

  #headersOf(method: string, timeoutMs: number): Readonly<Record<string, string>> {
    return { ...this.#headers, ":path": SERVICE + method, "grpc-timeout": `${timeoutMs}m` };
  }

  #fault(thrown: unknown) {
    return asBackendError(thrown, this.address, this.#redact);
  }
}
