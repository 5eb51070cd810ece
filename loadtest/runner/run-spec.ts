/** Everything about a run that is decided before it begins. */
import type { ModelFacts } from "../drivers/control/control.ts";
import type { DriverName } from "../drivers/driver.ts";
import type { Identity } from "../drivers/identity.ts";
import type { Address } from "../drivers/raw-http2/open-socket.ts";
import type { Objective } from "../report/objectives.ts";
import type { Reference } from "./analysis/compare-with-reference.ts";
import type { Pacing } from "./generator/pacer.ts";
import type { StreamWorkload } from "./workload.ts";

export interface RunSpec {
  readonly about: {
    readonly name: string;
    readonly title: string;
    readonly seed: number;
    /** How the load relates to that of the experiment, in a sentence. */
    readonly scale: string;
    readonly settings: Readonly<Record<string, unknown>>;
    readonly notes: readonly string[];
  };
  readonly driver: DriverName;
  readonly address: Address;
  /** As whom the server is asked about itself, and told what is done to it. */
  readonly identity: Identity;
  /** For what only beamgate's HTTP port can do, such as draining a device. */
  readonly httpAddress?: Address;
  /** Models that are asked, for who reads the plan. */
  readonly models: readonly string[];
  readonly load: Load;
  readonly warmupMs: number;
  /** How long answers are waited for at the end. */
  readonly patienceMs: number;
  readonly generator: {
    readonly processes: number;
    /** Of each identity, over all processes; absent: what suits the driver. */
    readonly connections?: number;
    readonly perConnection?: number;
    readonly pacing: Pacing;
    readonly lateAfterMs: number;
    readonly mostInFlight: number;
    /** Find out first what the generator can do. */
    readonly ceiling: boolean;
  };
  readonly budgetsMs: readonly number[];
  readonly percentiles: readonly number[];
  readonly objectives: readonly Objective[];
  readonly actions: readonly Action[];
  /** Whom the answers are compared with. */
  readonly reference?: Reference;
  /** @throws Error where the scenario does not fit a model */
  readonly streams: (ask: AskModel) => Promise<readonly StreamWorkload[]>;
}

/** @param who asks; absent: the run itself */
export type AskModel = (name: string, version: string, who?: Identity) => Promise<ModelFacts>;

/** Something that is done to the server while it is measured. */
export interface Action {
  /** From the start of the measurement. */
  readonly atMs: number;
  readonly kind: "load" | "unload" | "drain" | "undrain";
  /** Name of a model, or id of a device. */
  readonly what: string;
}

export type Load =
  /** Every stream at once, each by its own loop. */
  | { readonly kind: "together"; readonly durationMs: number }
  | {
      readonly kind: "closed";
      readonly concurrencies: readonly number[];
      readonly windowMs: number;
      readonly windowAnswers?: number;
      readonly stability: number;
      readonly mostWindows: number;
      readonly percentile?: number;
    }
  | {
      readonly kind: "open";
      readonly durationMs: number;
      /** One measurement each; undefined: the scenario's own rate. */
      readonly rates: readonly (number | undefined)[];
    }
  | {
      readonly kind: "capacity";
      /** Of each trial. */
      readonly durationMs: number;
      readonly budget: { readonly share: number; readonly ms: number };
      /** Share of the requests that may fail. */
      readonly mostLost: number;
      readonly from: number;
      readonly to: number;
      readonly precision: number;
      readonly repeats: number;
      /** What one client asks for, requests a second; absent: clients are not counted. */
      readonly clientPerSecond?: number;
      /** The same inference without a network; absent: the server's own compute time is taken. */
      readonly localMs?: number;
      readonly devices?: number;
    };
