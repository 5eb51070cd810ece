/** One far server: a channel of its own, and the calls that are made on it. */
import {
  type ChannelCredentials,
  Client,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import type { BackendError } from "../contract.ts";
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
import type { RemoteOptions, TlsOptions } from "./options.ts";

const SERVICE = "/inference.GRPCInferenceService/";
/** Largest answer that is taken; as much as gRPC's lengths allow servers to send. */
const MAX_ANSWER_BYTES = 2 ** 31 - 1;
/** A server that comes back is found again within this time. */
const RECONNECT_WITHIN_MS = 1_000;
const NOTHING = Buffer.alloc(0);
const asIs = (bytes: Buffer) => bytes;

export interface FarServerParts extends Pick<RemoteOptions, "tls" | "headers" | "timeoutMs"> {
  /** `host:port` to connect to. */
  readonly address: string;
  /** The name that `address` was found under, where it was: certificates are made out to it. */
  readonly name?: string;
}

export class FarServer {
  readonly address: string;
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #timeoutMs: number;
  readonly #redact: Redact;

  constructor({ address, name, tls, headers, timeoutMs }: FarServerParts) {
    this.address = address;
    this.#timeoutMs = timeoutMs;
    this.#redact = redactor(headers);
    for (const [key, value] of Object.entries(headers)) this.#metadata.set(key, value);
    const serverName = tls?.serverName ?? (tls && name);
    this.#client = new Client(address, credentialsOf(tls), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_retries": 0, // a batch that failed is the scheduler's business
      "grpc.max_send_message_length": -1,
      "grpc.max_receive_message_length": MAX_ANSWER_BYTES,
      "grpc.initial_reconnect_backoff_ms": RECONNECT_WITHIN_MS / 4,
      "grpc.max_reconnect_backoff_ms": RECONNECT_WITHIN_MS,
      "grpc.enable_http_proxy": 0,
      ...(serverName === undefined ? {} : { "grpc.ssl_target_name_override": serverName }),
      ...(name === undefined ? {} : { "grpc.default_authority": name }),
    });
  }

  /**
   * One ModelInfer.
   * @param message encoded, as the answer is
   * @throws BackendError (rejection)
   */
  infer(message: Buffer, signal: AbortSignal): Promise<Buffer> {
    return this.#call("ModelInfer", message, this.#timeoutMs, signal);
  }

  async identity(timeoutMs: number): Promise<ServerIdentity> {
    return readServerMetadata(await this.#call("ServerMetadata", NOTHING, timeoutMs));
  }

  /** True: the model would answer now. @throws BackendError where the server does not say */
  async modelReady({ name, version }: FarModel, timeoutMs: number): Promise<boolean> {
    const question = nameAndVersion(name, version);
    return readReady(await this.#call("ModelReady", question, timeoutMs));
  }

  async modelMetadata({ name, version }: FarModel): Promise<FarModelMetadata> {
    const question = nameAndVersion(name, version);
    return readModelMetadata(await this.#call("ModelMetadata", question, this.#timeoutMs));
  }

  /** undefined: a server without this extension of Triton's. */
  async modelConfig({ name, version }: FarModel): Promise<FarModelConfig | undefined> {
    const question = nameAndVersion(name, version);
    const answer = await this.#extension("ModelConfig", question);
    return answer && readModelConfig(answer);
  }

  /** undefined: a server without this extension of Triton's. */
  async index(): Promise<readonly FarIndexEntry[] | undefined> {
    const answer = await this.#extension("RepositoryIndex", NOTHING);
    return answer && readIndex(answer);
  }

  close(): void {
    this.#client.close();
  }

  async #extension(method: string, question: Buffer): Promise<Buffer | undefined> {
    let unimplemented = false;
    const note = (error: ServiceError) => {
      unimplemented = error.code === status.UNIMPLEMENTED;
    };
    try {
      return await this.#call(method, question, this.#timeoutMs, undefined, note);
    } catch (thrown) {
      if (unimplemented) return undefined;
      throw thrown;
    }
  }

  #call(
    method: string,
    message: Buffer,
    timeoutMs: number,
    signal?: AbortSignal,
    failed?: (error: ServiceError) => void,
  ): Promise<Buffer> {
    return new Promise((resolve, reject: (reason: BackendError) => void) => {
      let call: ClientUnaryCall | undefined;
      const cancel = () => call?.cancel();
      call = this.#client.makeUnaryRequest(
        SERVICE + method,
        asIs,
        asIs,
        message,
        this.#metadata,
        { deadline: Date.now() + timeoutMs },
        (error, answer) => {
          signal?.removeEventListener("abort", cancel);
          if (error) failed?.(error);
          if (error) reject(asBackendError(error, this.address, this.#redact));
          else resolve(answer ?? NOTHING);
        },
      );
      signal?.addEventListener("abort", cancel, { once: true });
      if (signal?.aborted) cancel();
    });
  }
}

function credentialsOf(tls: TlsOptions | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const { rootCert = null, key = null, cert = null } = tls;
  return credentials.createSsl(rootCert, key, cert);
}
