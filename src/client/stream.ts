/** ModelStreamInfer: many requests and their answers on one call. */
import { once } from "node:events";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { InferenceError } from "./error.ts";
import { type InferRequest, InferResult, toMessage, type WireAnswer } from "./infer-message.ts";
import { asInferenceError } from "./unary-call.ts";

const METHOD = "ModelStreamInfer";

interface WireStreamAnswer {
  readonly errorMessage: string;
  readonly inferResponse: WireAnswer | null;
}

/** An error is an answer like any other: the stream goes on. */
export type StreamAnswer =
  | { readonly result: InferResult; readonly error?: undefined }
  | {
      readonly error: InferenceError;
      /** Of the request, where the server says it; empty else. */
      readonly id: string;
      readonly result?: undefined;
    };

export class InferStream implements AsyncIterable<StreamAnswer> {
  readonly #call: ClientDuplexStream<object, WireStreamAnswer>;
  /** Why the whole stream ended, where it did not end well. */
  #failure: InferenceError | undefined;
  #over = false;

  constructor(call: ClientDuplexStream<object, WireStreamAnswer>, signal?: AbortSignal) {
    this.#call = call;
    const cancel = () => call.cancel();
    call.on("error", (error) => {
      this.#failure = asInferenceError(METHOD, error);
    });
    call.once("close", () => {
      this.#over = true;
      signal?.removeEventListener("abort", cancel);
    });
    if (signal?.aborted) cancel();
    else signal?.addEventListener("abort", cancel, { once: true });
  }

  /**
   * Resolves when there is room for the next one. Whoever sends much without reading what comes
   * back waits here for ever: read beside it.
   * @throws InferenceError where the stream is over
   */
  async send(request: InferRequest): Promise<void> {
    if (this.#over || this.#failure) throw this.#failure ?? ended();
    if (this.#call.write(toMessage(request))) return;
    const stop = new AbortController();
    const end = () => stop.abort();
    this.#call.once("close", end);
    try {
      await once(this.#call, "drain", { signal: stop.signal });
    } catch {
      throw this.#failure ?? ended();
    } finally {
      this.#call.off("close", end);
    }
  }

  /** No more requests: the server answers those it has, and the answers end. */
  end(): void {
    this.#call.end();
  }

  /** Gives up what is not answered. */
  cancel(): void {
    this.#call.cancel();
  }

  /** Answers as they come; once a stream. Leaving the loop early cancels it. @throws InferenceError where the stream ends with a status that is not OK */
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamAnswer> {
    let whole = false;
    try {
      for await (const answer of this.#call as AsyncIterable<WireStreamAnswer>) {
        yield streamAnswer(answer);
      }
      whole = true;
    } catch (error) {
      throw this.#failure ?? asInferenceError(METHOD, error);
    } finally {
      if (!whole) this.#call.cancel();
    }
  }
}

function streamAnswer({ errorMessage, inferResponse }: WireStreamAnswer): StreamAnswer {
  if (errorMessage !== "") {
    const error = new InferenceError("UNKNOWN", METHOD, errorMessage);
    return { error, id: inferResponse?.id ?? "" };
  }
  if (inferResponse === null) {
    throw new InferenceError("INTERNAL", METHOD, "an answer that holds nothing");
  }
  return { result: new InferResult(inferResponse) };
}

function ended(): InferenceError {
  return new InferenceError("FAILED_PRECONDITION", METHOD, "the stream is over");
}
