/**
 * Answers to what takes long. Who accepts `application/x-ndjson` gets a line a step while it goes on:
 * `{"event": …}`, then `{"result": …}` or `{"error": …}`; everybody else gets one JSON at the end.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { StatusError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { RegistrationEvent } from "../../registry/catalog/registry.ts";
import type { CheckResult } from "../../registry/catalog/types.ts";
import { DetailedError, detailsOf, errorBody } from "./registry-route.ts";

const LINES = "application/x-ndjson";
/** A line for proxies that end what is silent; a board may take minutes to be programmed. */
const ALIVE_MS = 15_000;

export type Tell = (event: RegistrationEvent) => void;

/** @param run ends, by `signal`, when the client hangs up */
export async function answerWithProgress<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
  run: (tell: Tell, signal: AbortSignal) => Promise<T>,
): Promise<unknown> {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  const checks: CheckResult[] = [];
  const lines = request.headers.accept?.includes(LINES) ? new Lines(reply) : undefined;
  const tell: Tell = (event) => {
    if (event.check !== undefined) checks.push(event.check);
    lines?.event(event);
  };
  try {
    const result = await run(tell, gone.signal);
    if (lines === undefined) return reply.send(result);
    lines.end({ result });
  } catch (thrown) {
    if (lines?.begun !== true) throw withChecks(thrown, checks);
    if (!(thrown instanceof StatusError)) log.error("a registration failed", { error: thrown });
    lines.end(errorBody(thrown));
  } finally {
    lines?.close();
  }
  return reply;
}

/** A refusal with all that was checked before it; who reads lines has seen it. */
function withChecks(thrown: unknown, checks: readonly CheckResult[]): unknown {
  if (!(thrown instanceof StatusError) || checks.length === 0) return thrown;
  return new DetailedError(thrown, { ...detailsOf(thrown), checks });
}

class Lines {
  readonly #reply: FastifyReply;
  readonly #alive: NodeJS.Timeout;
  #begun = false;

  constructor(reply: FastifyReply) {
    this.#reply = reply;
    this.#alive = setInterval(() => this.#write({ alive: true }), ALIVE_MS).unref();
  }

  /** The status is out: from here on an error is a line. */
  get begun(): boolean {
    return this.#begun;
  }

  event(event: RegistrationEvent): void {
    // Rows are many, and who does not read them misses nothing by the next.
    if (event.step === "gate" && this.#reply.raw.writableNeedDrain) return;
    this.#write({ event });
  }

  end(last: object): void {
    this.#write(last);
    this.#reply.raw.end();
  }

  close(): void {
    clearInterval(this.#alive);
  }

  #write(line: object): void {
    const { raw } = this.#reply;
    if (!this.#begun) {
      this.#begun = true;
      this.#reply.hijack();
      raw.writeHead(200, { "content-type": LINES, "cache-control": "no-store" });
    }
    if (!raw.destroyed) raw.write(`${JSON.stringify(line)}\n`);
  }
}
