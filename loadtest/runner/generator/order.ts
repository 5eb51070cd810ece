/** What a generator process is told to do, and what it says back: plain data, by Node's IPC. */
import type { Parameters } from "../../../src/inference/request.ts";
import type { TensorMetadata } from "../../drivers/control/control.ts";
import type { DriverName } from "../../drivers/driver.ts";
import type { Header } from "../../drivers/raw-http2/hpack.ts";
import type { Address } from "../../drivers/raw-http2/open-socket.ts";
import type { PlanOrder } from "../plan.ts";
import type { EventColumns } from "./event-log.ts";
import type { Ending, Loop } from "./generator.ts";
import type { OriginCount } from "./origins.ts";
import type { Snapshot } from "./tally.ts";

export interface GeneratorOrder {
  readonly driver: DriverName;
  readonly address: Address;
  readonly connections: number;
  readonly identities: readonly (readonly Header[])[];
  /** Absent: as many as the server allows. */
  readonly perConnection?: number;
  /** HTTP: whether the server knows binary tensors. */
  readonly binary: boolean;
  readonly loop: Loop;
  readonly lateAfterMs: number;
  readonly mostInFlight: number;
  readonly plan: PlanOrder;
  /** What of each answer is kept; absent: answers are only counted. */
  readonly answers?: AnswersOrder;
  readonly relay?: RelayOrder;
}

/** Answers of the model that the plan asks become requests to another model, whose answers count. */
export interface RelayOrder {
  readonly model: string;
  readonly version: string;
  /** Input of that model: output of the first. */
  readonly map: Readonly<Record<string, string>>;
  readonly parameters?: Parameters;
  /** What that model takes; axes of -1 and the batch axis are as the output has them. */
  readonly inputs: readonly TensorMetadata[];
}

export interface AnswersOrder {
  /** Output that holds the score; empty: the first one; absent: nobody asks for scores, only who answered. */
  readonly output?: string;
  /** Position in the row; undefined: the largest value of it. */
  readonly column?: number;
  /** Outcomes are kept one by one, even where nobody asks for scores. */
  readonly each?: true;
  /** So many at most are kept. */
  readonly most: number;
}

export type ToGenerator =
  | { readonly kind: "prepare"; readonly order: GeneratorOrder }
  /** Wall clock in ms, with a fraction: the same moment for all processes. */
  | { readonly kind: "start"; readonly at: number }
  | { readonly kind: "snapshot" }
  | { readonly kind: "stop"; readonly patienceMs: number };

export type FromGenerator =
  | { readonly kind: "ready" }
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot; readonly exhausted: boolean }
  | { readonly kind: "over"; readonly over: GeneratorOver }
  | { readonly kind: "failed"; readonly message: string };

export interface GeneratorOver {
  readonly ending: Ending;
  readonly snapshot: Snapshot;
  readonly reconnects: number;
  readonly events: EventColumns | undefined;
  readonly origins: readonly OriginCount[];
  /** Two-vendor mode: how long the first model took, an HdrHistogram. */
  readonly firstStage: string | undefined;
}
