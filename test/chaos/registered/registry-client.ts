/** The registry of a running gateway by HTTP, as a pipeline talks to it. */
import { createHash } from "node:crypto";

export interface RegistryAnswer {
  readonly generation: number;
  /** Of a registration: the same bytes were there before. */
  readonly unchanged?: boolean;
  /** Of a rollback: where the alias leads now. */
  readonly version?: string;
  readonly artifact?: Artifact;
}

export interface Artifact {
  readonly digest: string;
  readonly state: string;
  readonly reason?: string;
  readonly pinned?: { readonly note: string };
}

export interface RecordedModel {
  readonly generation: number;
  readonly model: {
    readonly name: string;
    readonly versions: Readonly<Record<string, { readonly artifacts: readonly Artifact[] }>>;
    readonly aliases: Readonly<Record<string, { readonly version: string }>>;
  };
}

export interface Row extends Artifact {
  readonly name: string;
  readonly version: string;
}

export interface AuditLine {
  readonly action: string;
  readonly model: string;
  readonly version?: string;
  readonly who: string;
}

/** An answer of the gateway that is none of success. */
export class Refusal extends Error {
  readonly code: string;
  /** 409: somebody else is at it, and again later helps. */
  readonly status: number;
  /** What is there, for who lost against somebody else. */
  readonly generation: number | undefined;

  constructor(status: number, body: { error?: string; code?: string; generation?: number }) {
    super(`${body.code ?? "?"}: ${body.error ?? JSON.stringify(body)}`);
    this.code = body.code ?? "";
    this.status = status;
    this.generation = body.generation;
  }
}

interface UploadState {
  readonly receivedBytes: number;
  readonly complete: boolean;
}

const MODELS = "/v2/beamgate/registry/models";
const MOST_AUDIT = 10_000;

export const digestOf = (bytes: Uint8Array): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

export class RegistryClient {
  readonly #address: string;

  constructor(httpPort: number) {
    this.#address = `http://127.0.0.1:${httpPort}`;
  }

  /** Goes on where an earlier one stopped. @param pieces sent one after the other */
  async upload(bytes: Uint8Array, pieces = 1): Promise<string> {
    const digest = digestOf(bytes);
    const path = `/v2/beamgate/uploads/${digest}`;
    const size = Math.ceil(bytes.length / pieces);
    let state = await this.#ask<UploadState>("GET", path);
    while (!state.complete) {
      const { receivedBytes } = state;
      if (receivedBytes >= bytes.length) {
        state = await this.#ask("POST", `${path}/finish`, {});
        continue;
      }
      const piece = bytes.subarray(receivedBytes, receivedBytes + size);
      state = await this.#send("PATCH", path, piece, { "upload-offset": String(receivedBytes) });
    }
    return digest;
  }

  register(name: string, version: string, rest: object): Promise<RegistryAnswer> {
    return this.#ask("POST", `${MODELS}/${name}/versions/${version}/artifacts`, rest);
  }

  change(
    name: string,
    action: "promote" | "rollback" | "retire" | "pin" | "unpin",
    rest: object,
  ): Promise<RegistryAnswer> {
    return this.#ask("POST", `${MODELS}/${name}/${action}`, rest);
  }

  model(name: string): Promise<RecordedModel> {
    return this.#ask("GET", `${MODELS}/${name}`);
  }

  async list(): Promise<{ readonly generation: number; readonly artifacts: readonly Row[] }> {
    return this.#ask("GET", "/v2/beamgate/registry");
  }

  async audit(): Promise<readonly AuditLine[]> {
    return this.#ask("GET", `/v2/beamgate/registry/audit?limit=${MOST_AUDIT}`);
  }

  #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const headers = { "content-type": "application/json" };
    return body === undefined
      ? this.#send(method, path)
      : this.#send(method, path, Buffer.from(JSON.stringify(body)), headers);
  }

  async #send<T>(
    method: string,
    path: string,
    body?: Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const response = await fetch(`${this.#address}${path}`, {
      method,
      headers,
      ...(body && { body }),
    });
    const answer = (await response.json()) as T;
    if (!response.ok) throw new Refusal(response.status, answer as object);
    return answer;
  }
}
