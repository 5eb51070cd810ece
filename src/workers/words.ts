/** Everything gateway and worker say to each other besides runs and results: rare, so plain JSON. */
import type { BackendFault, Device, LoadOptions, ModelVariant } from "../../backends/contract.ts";
import type { ModelSignature } from "../inference/request.ts";
import type { WarmupSample } from "../inference/warmup.ts";
import { HEADER_BYTES, newFrame } from "./frames.ts";

/** Both sides are of one build; the number catches a worker of another one. */
export const PROTOCOL = 1;

/** Types of frames. */
export const FrameType = { words: 1, run: 2, result: 3, response: 4 } as const;

/** How a worker makes a backend; the same in every load of this kind. */
export interface BackendSource {
  readonly kind: string;
  /** npm package or file with a BackendModule as its default export; absent for a built-in one. */
  readonly package?: string | undefined;
  /** Handed to `BackendModule.create` as it is. */
  readonly options?: unknown;
}

export interface LoadWords {
  readonly backend: BackendSource;
  readonly variant: ModelVariant;
  readonly signature?: ModelSignature;
  readonly warmup?: readonly WarmupSample[];
  readonly options: LoadOptions;
  readonly device: string;
}

/** A model that loaded, ran and was measured. */
export interface LoadedWords {
  readonly device: Device;
  readonly batchInvariant?: boolean;
  readonly firstRunUs: number;
  readonly maxInFlight: number;
}

export interface RoomWords {
  readonly id: number;
  readonly path: string;
}

export type ToWorker =
  | {
      readonly type: "load";
      readonly ask: number;
      readonly instance: number;
      readonly load: LoadWords;
    }
  | {
      readonly type: "rooms";
      readonly ask: number;
      readonly instance: number;
      readonly rooms: readonly RoomWords[];
    }
  | { readonly type: "unload"; readonly ask: number; readonly instance: number }
  /** Run it once more, as at its load: whoever asks wants to know whether its device is well. */
  | { readonly type: "probe"; readonly ask: number; readonly instance: number }
  /** Which devices the backend sees here. */
  | { readonly type: "devices"; readonly ask: number; readonly backend: BackendSource }
  /** What their sensors say. */
  | { readonly type: "sensors"; readonly ask: number; readonly backend: BackendSource }
  /** Nobody waits for more responses of this run; it may end early. */
  | { readonly type: "abort"; readonly instance: number; readonly run: number }
  /** The state of this sequence is not needed any more. */
  | { readonly type: "forget"; readonly instance: number; readonly sequence: string }
  | { readonly type: "ping" }
  /** Unload everything and exit. */
  | { readonly type: "end" };

export type LogLevel = "debug" | "info" | "warn" | "error";

export type FromWorker =
  | { readonly type: "hello"; readonly protocol: number; readonly pid: number }
  | { readonly type: "answer"; readonly ask: number; readonly value?: unknown }
  | {
      readonly type: "refusal";
      readonly ask: number;
      readonly fault: BackendFault;
      readonly message: string;
    }
  | {
      readonly type: "failure";
      readonly run: number;
      readonly fault: BackendFault;
      readonly message: string;
    }
  | { readonly type: "pong" }
  /** What was asked goes on with one execution more; none takes longer than an execution may. */
  | { readonly type: "progress"; readonly ask: number }
  /** The device of an instance tells that it does not serve; without a reason: it serves again. */
  | { readonly type: "trouble"; readonly instance: number; readonly reason?: string }
  | {
      readonly type: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields?: object;
    };

export function wordsFrame(words: ToWorker | FromWorker): Buffer {
  const text = JSON.stringify(words);
  const frame = newFrame(FrameType.words, Buffer.byteLength(text), 0);
  frame.write(text, HEADER_BYTES);
  return frame;
}

/** @throws where it is no JSON object with a type. */
export function readWords<W extends ToWorker | FromWorker>(meta: Buffer): W {
  const words: unknown = JSON.parse(meta.toString());
  if (typeof words !== "object" || words === null || !("type" in words)) {
    throw new TypeError("words without a type");
  }
  return words as W;
}
