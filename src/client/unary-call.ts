/** One question and its answer: deadline, cancellation, and further attempts. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, Metadata, ServiceError } from "@grpc/grpc-js";
import { errorCode, InferenceError } from "./error.ts";
import { type RetryOptions, retryDelayMs } from "./retry.ts";
import type { Method } from "./service.ts";

export interface UnaryCall {
  readonly method: Method;
  readonly message: object;
  /** Made anew for every attempt. */
  metadata(): Promise<Metadata>;
  /** Infinity: none. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly retry: RetryOptions;
}

/** @throws InferenceError */
export async function callUnary(client: Client, call: UnaryCall): Promise<unknown> {
  const name = nameOf(call.method);
  const deadline = performance.now() + call.timeoutMs;
  for (let attempts = 1; ; attempts++) {
    const leftMs = deadline - performance.now();
    const failure = await attempt(client, call, leftMs).then(
      (answer) => ({ answer }),
      (error: ServiceError) => ({ error }),
    );
    if ("answer" in failure) return failure.answer;
    const error = asInferenceError(name, failure.error, attempts);
    const delayMs = retryDelayMs(
      {
        code: error.code,
        pushbackMs: error.retryMs,
        attempts,
        leftMs: deadline - performance.now(),
      },
      call.retry,
      Math.random(),
    );
    if (delayMs === undefined) throw error;
    await sleep(delayMs, undefined, call.signal ? { signal: call.signal } : {}).catch((cause) => {
      throw new InferenceError("CANCELLED", name, "the caller gave up", { attempts, cause });
    });
  }
}

async function attempt(client: Client, call: UnaryCall, leftMs: number): Promise<unknown> {
  const { method, signal } = call;
  const metadata = await call.metadata();
  const deadline = Number.isFinite(leftMs) ? { deadline: Date.now() + Math.max(0, leftMs) } : {};
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(cancelled(nameOf(method)));
      return;
    }
    const running = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      call.message,
      metadata,
      deadline,
      (error, answer) => {
        signal?.removeEventListener("abort", cancel);
        if (error) reject(error);
        else resolve(answer);
      },
    );
    const cancel = () => running.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
  });
}

export function cancelled(method: string): InferenceError {
  return new InferenceError("CANCELLED", method, "the caller gave up");
}

/** @param error of grpc-js, or whatever else ended the call before it began */
export function asInferenceError(method: string, error: unknown, attempts = 1): InferenceError {
  if (error instanceof InferenceError) return error;
  const { code, details, metadata, message } = error as Partial<ServiceError>;
  if (typeof code !== "number" || metadata === undefined) {
    return new InferenceError("UNKNOWN", method, message ?? String(error), { cause: error });
  }
  const pushback = metadata.get("grpc-retry-pushback-ms")[0];
  const pushbackMs = typeof pushback === "string" ? Number.parseInt(pushback, 10) : undefined;
  // What is no number means never (gRFC A6).
  const retryMs = Number.isNaN(pushbackMs) ? -1 : pushbackMs;
  const reason = details || (message ?? "");
  return new InferenceError(errorCode(code), method, reason, { retryMs, attempts, cause: error });
}

export function nameOf({ path }: Method): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
