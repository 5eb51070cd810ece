/** One question to a version that adds, by gRPC or by HTTP, and what came back of it. */
import { Agent, request } from "node:http";
import { rowOf } from "../../support/fake-catalog.ts";
import { InferClient } from "../../support/infer-client.ts";
import { encodeQuestion } from "../../support/infer-messages.ts";

/** What a client insists on; none of it: whatever `production` leads to. */
export interface Wish {
  readonly alias?: string;
  readonly digest?: string;
  /** How the digest is told. */
  readonly byHeader?: boolean;
}

export interface Computed {
  readonly version: string;
  readonly artifact: string | undefined;
  readonly values: readonly number[];
}

/** A connection, or several that take turns. */
export interface Asker {
  /** @throws Error for everything but an answer */
  ask(model: string, first: number, wish: Wish): Promise<Computed>;
  close(): void;
}

const TIMEOUT_MS = 30_000;
const headersOf = ({ digest, byHeader }: Wish) =>
  digest !== undefined && byHeader ? { "beamgate-digest": digest } : {};
const parametersOf = ({ digest, byHeader }: Wish) =>
  digest === undefined || byHeader ? {} : { beamgate_digest: digest };

/** Every entry of the index, as `<name> <version>` and its state. */
export async function indexOf(httpPort: number): Promise<ReadonlyMap<string, string>> {
  const address = `http://127.0.0.1:${httpPort}/v2/repository/index`;
  const response = await fetch(address, { method: "POST" });
  const entries = (await response.json()) as { name: string; version: string; state: string }[];
  return new Map(entries.map(({ name, version, state }) => [`${name} ${version}`, state]));
}

export class GrpcAsker implements Asker {
  readonly #client: InferClient;

  constructor(port: number) {
    this.#client = new InferClient(port);
  }

  async ask(model: string, first: number, wish: Wish): Promise<Computed> {
    const question = encodeQuestion({
      model,
      version: wish.alias ?? "",
      texts: parametersOf(wish),
      inputs: [{ name: "x", datatype: "FP32", shape: [1, 2], data: rowOf(first) }],
    });
    const { version, texts, outputs } = await this.#client.infer(
      question,
      TIMEOUT_MS,
      headersOf(wish),
    );
    const bytes = Uint8Array.from(outputs.get("y") ?? []);
    const values = [...new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4))];
    return { version, artifact: texts.get("beamgate_artifact"), values };
  }

  close(): void {
    this.#client.close();
  }
}

interface JsonAnswer {
  readonly error?: string;
  readonly model_version: string;
  readonly parameters?: { readonly beamgate_artifact?: string };
  readonly outputs: readonly { readonly data: readonly number[] }[];
}

export class HttpAsker implements Asker {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(port: number) {
    this.#port = port;
  }

  async ask(model: string, first: number, wish: Wish): Promise<Computed> {
    const version = wish.alias === undefined ? "" : `/versions/${wish.alias}`;
    const answer = await this.#post(`/v2/models/${model}${version}/infer`, headersOf(wish), {
      parameters: parametersOf(wish),
      inputs: [{ name: "x", datatype: "FP32", shape: [1, 2], data: [first, -first] }],
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return {
      version: answer.model_version,
      artifact: answer.parameters?.beamgate_artifact,
      values: answer.outputs[0]?.data ?? [],
    };
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(path: string, headers: Readonly<Record<string, string>>, body: object) {
    const text = JSON.stringify(body);
    const options = { host: "127.0.0.1", port: this.#port, path, method: "POST" };
    return new Promise<JsonAnswer>((resolve, reject) => {
      const sent = request(
        {
          ...options,
          agent: this.#agent,
          timeout: TIMEOUT_MS,
          headers: {
            "content-type": "application/json",
            "content-length": Buffer.byteLength(text),
            ...headers,
          },
        },
        (response) => {
          let read = "";
          response.setEncoding("utf8").on("data", (chunk: string) => {
            read += chunk;
          });
          response.once("error", reject);
          response.once("end", () => {
            try {
              resolve(JSON.parse(read) as JsonAnswer);
            } catch (thrown) {
              reject(thrown);
            }
          });
        },
      );
      sent.once("timeout", () => sent.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)));
      sent.once("error", reject);
      sent.end(text);
    });
  }
}
