/** Infer requests over HTTP/1.1, one at a time on each connection, for open loops and for answers that are looked into. */
import { Agent, type IncomingMessage, request as startHttp } from "node:http";
import { request as startHttps, Agent as TlsAgent } from "node:https";
import type { Answer, ClientRequest, Driver, DriverEvents, DriverOptions } from "./driver.ts";
import { decodeHttpAnswer, encodeHttpRequest, type HttpMessage } from "./http-message.ts";

export interface PreparedHttp extends HttpMessage {
  readonly bytes: number;
}

/** Characters of an error's text that are kept. */
const ERROR_CHARS = 300;

export class HttpDriver implements Driver<PreparedHttp> {
  readonly #options: DriverOptions;
  readonly #events: DriverEvents;
  readonly #binary: boolean;
  /** Of each identity. */
  readonly #agents: Agent[];
  readonly #busy: number[];
  readonly #headers: Record<string, string>[];
  #closed = false;
  readonly reconnects = 0;

  /** @param binary whether the server knows the binary tensor data extension */
  constructor(options: DriverOptions, events: DriverEvents, binary: boolean) {
    this.#options = options;
    this.#events = events;
    this.#binary = binary;
    const { tls } = options.address;
    const sockets = { keepAlive: true, maxSockets: options.connections, noDelay: true };
    this.#agents = options.identities.map(() => {
      if (tls === undefined) return new Agent(sockets);
      const { insecure, ...identity } = tls;
      return new TlsAgent({ ...sockets, ...identity, rejectUnauthorized: insecure !== true });
    });
    this.#busy = options.identities.map(() => 0);
    this.#headers = options.identities.map((headers) =>
      Object.fromEntries(headers.map(({ name, value }) => [name, value])),
    );
  }

  /** Connections open with their first request. */
  async open(): Promise<void> {}

  prepare(request: ClientRequest): PreparedHttp {
    const message = encodeHttpRequest(request, this.#binary);
    return { ...message, bytes: message.body.length };
  }

  send(prepared: PreparedHttp, token: number, identity: number): boolean {
    const busy = this.#busy[identity] ?? 0;
    if (busy >= this.#options.connections) return false;
    this.#busy[identity] = busy + 1;
    const { host, port, tls } = this.#options.address;
    const start = tls === undefined ? startHttp : startHttps;
    const agent = this.#agents[identity];
    const over = (bytes: number, error: string | undefined, answer: Answer | undefined) => {
      this.#busy[identity] = (this.#busy[identity] ?? 1) - 1;
      if (!this.#closed) this.#events.answered(token, bytes, error, answer);
    };
    const call = start({
      ...{ host, port, method: "POST", path: prepared.path },
      ...(agent === undefined ? {} : { agent }),
      headers: { ...this.#headers[identity], ...messageHeaders(prepared) },
    });
    call.once("error", (error) => over(0, error.message, undefined));
    call.once("response", (response) => this.#read(response, over));
    call.end(prepared.body);
    return true;
  }

  flush(): void {}

  read(answer: Answer) {
    return decodeHttpAnswer(answer);
  }

  close(): void {
    this.#closed = true;
    for (const agent of this.#agents) agent.destroy();
  }

  #read(
    response: IncomingMessage,
    over: (bytes: number, error: string | undefined, answer: Answer | undefined) => void,
  ): void {
    const good = response.statusCode === 200;
    const keep = this.#options.keepAnswers || !good;
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (keep) chunks.push(chunk);
    });
    response.once("close", () => {
      if (!response.complete) over(bytes, "connection closed", undefined);
    });
    response.once("end", () => {
      const whole = Buffer.concat(chunks);
      if (!good) over(bytes, httpError(response.statusCode ?? 0, whole), undefined);
      else over(bytes, undefined, keep ? { bytes: whole, ...headerBytesOf(response) } : undefined);
    });
  }
}

export function messageHeaders({ headerBytes, body }: HttpMessage): Record<string, string> {
  return {
    "content-length": String(body.length),
    ...(headerBytes === undefined
      ? { "content-type": "application/json" }
      : {
          "content-type": "application/octet-stream",
          "inference-header-content-length": String(headerBytes),
        }),
  };
}

function headerBytesOf({ headers }: IncomingMessage): { headerBytes?: number } {
  const said = headers["inference-header-content-length"];
  return said === undefined ? {} : { headerBytes: Number(said) };
}

/** `HTTP 503: the server's words`. */
function httpError(status: number, body: Buffer): string {
  let text = body.toString("utf8");
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    if (typeof error === "string") text = error;
  } catch {
    // not JSON: the body itself
  }
  return `HTTP ${status}: ${text.slice(0, ERROR_CHARS)}`;
}
