/** Control questions by HTTP. */
import { request as startHttp } from "node:http";
import { request as startHttps } from "node:https";
import type { Header } from "../raw-http2/hpack.ts";
import type { Address } from "../raw-http2/open-socket.ts";
import { type Control, ControlError, ifKnown, type ModelFacts } from "./control.ts";
import { instancesOf, type ModelConfig } from "./model-config.ts";
import { readStatistics, type StatisticsAnswer } from "./statistics.ts";

/** A load may take minutes: a board is programmed, a network compiled. */
const PATIENCE_MS = { GET: 10_000, POST: 600_000 };

export class HttpControl implements Control {
  readonly #address: Address;
  readonly #headers: Record<string, string>;

  constructor(address: Address, headers: readonly Header[]) {
    this.#address = address;
    this.#headers = Object.fromEntries(headers.map(({ name, value }) => [name, value]));
  }

  async server() {
    const { name, version, extensions } = await this.#get<{
      readonly name?: string;
      readonly version?: string;
      readonly extensions?: readonly string[];
    }>("/v2");
    return { name: name ?? "", version: version ?? "", extensions: extensions ?? [] };
  }

  async model(name: string, version: string): Promise<ModelFacts> {
    const path = modelPath(name, version);
    const metadata = await this.#get<Partial<ModelFacts>>(path);
    const config = await ifKnown(this.#get<ModelConfig>(`${path}/config`));
    return {
      name: metadata.name ?? name,
      versions: metadata.versions ?? [],
      platform: metadata.platform ?? "",
      inputs: metadata.inputs ?? [],
      outputs: metadata.outputs ?? [],
      maxBatchSize: config === undefined ? undefined : (config.max_batch_size ?? 0),
      instances: instancesOf(config),
    };
  }

  async statistics(name: string, version: string) {
    const asking = this.#get<StatisticsAnswer>(`${modelPath(name, version)}/stats`);
    const answer = await ifKnown(asking);
    return answer === undefined ? undefined : readStatistics(answer);
  }

  async load(model: string): Promise<void> {
    await this.#post(`/v2/repository/models/${encodeURIComponent(model)}/load`);
  }

  async unload(model: string): Promise<void> {
    await this.#post(`/v2/repository/models/${encodeURIComponent(model)}/unload`);
  }

  close(): void {}

  async #post(path: string): Promise<void> {
    const { status, body } = await ask(this.#address, path, this.#headers, "POST");
    if (status !== 200) {
      throw new ControlError("refused", `POST ${path}: HTTP ${status}: ${body.slice(0, 200)}`);
    }
  }

  /** Any path whose answer is JSON. @throws ControlError */
  async #get<T>(path: string): Promise<T> {
    const { status, body } = await ask(this.#address, path, this.#headers);
    let answer: unknown;
    try {
      answer = JSON.parse(body);
    } catch {
      answer = undefined;
    }
    if (status === 200 && answer !== undefined) return answer as T;
    const { error } = (answer ?? {}) as { readonly error?: unknown };
    const why = typeof error === "string" ? error : body.slice(0, 200);
    // A route that is not there and a model that is not there are both 404; what asks about a model asked for it before.
    const unknown = status === 404 || status === 501;
    const kind = unknown ? "unimplemented" : "refused";
    throw new ControlError(kind, `GET ${path}: HTTP ${status}: ${why}`);
  }
}

function modelPath(name: string, version: string): string {
  const path = `/v2/models/${encodeURIComponent(name)}`;
  return version === "" ? path : `${path}/versions/${encodeURIComponent(version)}`;
}

interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export function ask(
  { host, port, tls }: Address,
  path: string,
  headers: Record<string, string>,
  method: "GET" | "POST" = "GET",
): Promise<HttpAnswer> {
  const start = tls === undefined ? startHttp : startHttps;
  const { insecure, ...identity } = tls ?? {};
  return new Promise((resolve, reject) => {
    const call = start(
      {
        ...{ host, port, path, headers, method, timeout: PATIENCE_MS[method], agent: false },
        ...identity,
        rejectUnauthorized: insecure !== true,
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
        response.once("error", reject);
      },
    );
    call.once("timeout", () =>
      call.destroy(new Error(`no answer within ${PATIENCE_MS[method] / 1000} s`)),
    );
    call.once("error", (error) =>
      reject(new ControlError("unavailable", `${host}:${port}: ${error.message}`)),
    );
    call.end();
  });
}
