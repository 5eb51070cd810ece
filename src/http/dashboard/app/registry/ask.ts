/** Questions to the gateway, and its refusals with what a page can do about them. */
import type { CheckResult } from "../../../../registry/catalog/types.ts";

interface Told {
  readonly error?: unknown;
  readonly code?: unknown;
  readonly generation?: unknown;
  readonly receivedBytes?: unknown;
  readonly checks?: readonly CheckResult[];
}

/** The gateway said no; the message is its own sentence. */
export class Refusal extends Error {
  readonly status: number;
  /** In gRPC's words. */
  readonly code: string;
  /** Of the model now, where somebody else was faster. */
  readonly generation: number | undefined;

  constructor(status: number, told: Told) {
    super(typeof told.error === "string" ? told.error : `the gateway answered with ${status}`);
    this.status = status;
    this.code = typeof told.code === "string" ? told.code : "";
    this.generation = typeof told.generation === "number" ? told.generation : undefined;
  }
}

/** @throws Refusal, or TypeError where the gateway does not answer */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(path, init);
  const told: unknown = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(answer.status, Object(told) as Told);
  return told as T;
}

export const post = <T>(path: string, body: object, signal?: AbortSignal) =>
  ask<T>(path, { method: "POST", body: JSON.stringify(body), ...(signal && { signal }) });

/** @param event told of every line but the last @returns the last @throws Refusal */
export async function postForLines<Event, Result>(
  path: string,
  body: object,
  event: (line: Event) => void,
  signal: AbortSignal,
): Promise<Result> {
  const headers = { accept: "application/x-ndjson" };
  const answer = await fetch(path, {
    ...{ method: "POST", body: JSON.stringify(body), headers, signal },
  });
  if (!answer.ok || answer.body === null) {
    throw new Refusal(answer.status, Object(await answer.json().catch(() => ({}))) as Told);
  }
  for await (const line of lines(answer.body)) {
    const told = JSON.parse(line) as Told & { readonly event?: Event; readonly result?: Result };
    if (told.event !== undefined) event(told.event);
    if (told.error !== undefined) throw new Refusal(answer.status, told);
    if (told.result !== undefined) return told.result;
  }
  throw new TypeError("the gateway hung up before the end");
}

async function* lines(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((part) => part !== "");
  }
}

/** For people. */
export function sentence(thrown: unknown): string {
  if (thrown instanceof Refusal) return thrown.message;
  if (thrown instanceof DOMException && thrown.name === "AbortError") return "stopped";
  if (thrown instanceof TypeError) return "the gateway does not answer";
  return thrown instanceof Error ? thrown.message : String(thrown);
}
