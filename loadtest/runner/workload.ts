/** What a scenario comes down to once the models are known: requests to each, and when they are due. */
import type { ModelFacts } from "../drivers/control/control.ts";
import type { Identity } from "../drivers/identity.ts";
import type { Result } from "../report/schema.ts";
import type { AnswersOrder, RelayOrder } from "./generator/order.ts";
import type { Requests, Step } from "./step.ts";

/** Requests of one kind: to one model, by one experiment. */
export interface StreamWorkload extends Identity {
  /** Empty where there is only one. */
  readonly name: string;
  readonly facts: ModelFacts;
  readonly version: string;
  /** Closed loop, where the scenario says so: requests kept in flight. */
  readonly concurrency?: number;
  /** What of the answers is looked into; absent: they are counted. */
  readonly answers?: AnswersOrder;
  /** Scores from here on are accepted, where something decides. */
  readonly threshold?: number;
  /** Two-vendor mode: the requests go to another model first, whose outputs are then judged. */
  readonly relay?: RelayOrder;
  /** Deterministic: the same for the same arguments. @param perSecond in place of the scenario's own rate */
  requests(durationMs: number, perSecond?: number): Requests;
  /** What is made of the answers, such as a trigger. @param warmupMs what was due earlier counts for nothing */
  analyse?(step: Step, warmupMs: number): Partial<Result> | Promise<Partial<Result>>;
}
