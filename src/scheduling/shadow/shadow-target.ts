/**
 * One artifact that computes live requests once more, while nothing live needs its device. What it answers is
 * compared with what clients were answered; an artifact that leaves its class is given up, once.
 *
 *   offer → waiting → device idle? → run → compare → drifted? → demote
 */
import type { Tensor } from "../../../backends/contract.ts";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../logger.ts";
import { Comparison, type OutputSpec } from "../../policy/equivalence/comparison.ts";
import type { Equivalence } from "../../policy/equivalence/types.ts";
import { type DriftRules, driftOf } from "../../policy/shadow/drift.ts";
import { DriftWindow } from "../../policy/shadow/drift-window.ts";
import type { ShadowSample } from "./sample.ts";
import type { ShadowBudget } from "./shadow-budget.ts";
import type { ShadowCounters } from "./shadow-counters.ts";

/** Where it runs. */
export interface ShadowDevice {
  /** True: nothing live runs there or waits for it. */
  readonly idle: boolean;
  /** Outputs are memory of the caller. Only while `idle`. */
  run(inputs: readonly Tensor[]): Promise<ShadowRun>;
  close(): Promise<void>;
}

export interface ShadowRun {
  readonly outputs: ReadonlyMap<string, Uint8Array>;
  readonly deviceUs: number;
}

export interface ShadowTargetParts {
  readonly name: string;
  readonly device: ShadowDevice;
  /** In which sense its answers are those of live artifacts, by their variants; at least one. */
  readonly equivalences: ReadonlyMap<string, Equivalence>;
  readonly outputs: readonly OutputSpec[];
  /** False: its answers differ by design, they are only counted. */
  readonly judged: boolean;
  /** Rows compared before it may be given up. */
  readonly minRows: number;
  readonly budget: ShadowBudget;
  readonly counters: ShadowCounters;
  /** Takes it out of service. */
  demote(reason: string): Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Rows that are looked at for drift. */
const WINDOW_ROWS = 1000;
/** Between two looks whether the device is idle, ms. */
const LOOK_MS = 5;

export class ShadowTarget {
  readonly name: string;
  readonly #parts: ShadowTargetParts;
  readonly #waiting: ShadowSample[] = [];
  readonly #window: DriftWindow;
  readonly #rules: DriftRules;
  #running = false;
  #over = false;
  #cancelLook: (() => void) | undefined;
  #onIdle: (() => void) | undefined;

  constructor(parts: ShadowTargetParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#window = new DriftWindow(Math.max(WINDOW_ROWS, parts.minRows));
    this.#rules = rulesOf([...parts.equivalences.values()], parts.minRows);
  }

  /** False once it was given up or closed: it takes no samples. */
  get open(): boolean {
    return !this.#over;
  }

  get counters(): ShadowCounters {
    return this.#parts.counters;
  }

  /** @returns false: it is dropped, for want of room */
  offer(sample: ShadowSample): boolean {
    const { budget, counters } = this.#parts;
    if (this.#over || !budget.take(sample.rows, sample.byteLength)) {
      counters.droppedRows += sample.rows;
      return false;
    }
    this.#waiting.push(sample);
    this.#lookLater();
    return true;
  }

  /** Resolves when nothing of it runs any more, and its device is given back. */
  async close(): Promise<void> {
    this.#end();
    if (this.#running) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#parts.device.close();
  }

  #end(): void {
    this.#over = true;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    for (const { rows, byteLength } of this.#waiting.splice(0)) {
      this.#parts.budget.give(rows, byteLength);
      this.#parts.counters.droppedRows += rows;
    }
  }

  #lookLater(): void {
    if (this.#running || this.#over || this.#waiting.length === 0) return;
    this.#cancelLook ??= this.#parts.clock.after(LOOK_MS, () => {
      this.#cancelLook = undefined;
      this.#look();
    });
  }

  #look(): void {
    const { device, budget } = this.#parts;
    if (this.#running || this.#over) return;
    const sample = device.idle ? this.#waiting.shift() : undefined;
    if (sample === undefined) {
      this.#lookLater();
      return;
    }
    budget.give(sample.rows, sample.byteLength);
    this.#running = true;
    void this.#compute(sample).finally(() => {
      this.#running = false;
      this.#onIdle?.();
      this.#look();
    });
  }

  /** Never rejects. */
  async #compute(sample: ShadowSample): Promise<void> {
    const { device, counters, log } = this.#parts;
    try {
      const run = await device.run(sample.inputs);
      counters.deviceUs += run.deviceUs;
      if (!this.#over) await this.#judge(sample, run.outputs);
    } catch (thrown) {
      counters.failedRows += sample.rows;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      log.warn(`a live request could not be computed once more: ${reason}`, this.#whom);
    }
  }

  async #judge(sample: ShadowSample, got: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const { counters, judged, clock, log } = this.#parts;
    const started = clock.now();
    const { failing, flipped, accepted, liveAccepted } = this.#compare(sample, got);
    counters.rows += sample.rows;
    counters.failingRows += failing;
    counters.decisionFlips += flipped;
    this.#window.add({ rows: sample.rows, failing, accepted, liveAccepted });
    const drift = judged ? driftOf(this.#window.counts, this.#rules) : undefined;
    counters.gatewayUs += (clock.now() - started) * 1000;
    if (drift === undefined) return;
    this.#end();
    counters.demotions += 1;
    log.error(`an artifact is taken out of service: ${drift}`, this.#whom);
    await this.#parts.demote(drift);
  }

  /** A comparison a sample: one of the class `physics` remembers every row. */
  #compare(sample: ShadowSample, got: ReadonlyMap<string, Uint8Array>) {
    const { equivalences, outputs, counters } = this.#parts;
    const [only] = equivalences.values();
    const equivalence = equivalences.get(sample.answeredBy ?? "") ?? only;
    if (equivalence === undefined) throw new RangeError("there is nothing to compare with");
    const comparison = new Comparison(equivalence, outputs);
    const rowNumbers = Array.from({ length: sample.rows }, (_, row) => row);
    const { failing } = comparison.add(rowNumbers, got, sample.outputs);
    const { outputs: errors, physics } = comparison.result;
    counters.addErrors(errors.filter(({ name }) => sample.outputs.has(name)));
    const acceptedOf = (share = 0) => Math.round(share * sample.rows);
    return {
      failing,
      flipped: physics?.flipped ?? 0,
      accepted: acceptedOf(physics?.efficiency),
      liveAccepted: acceptedOf(physics?.referenceEfficiency),
    };
  }

  get #whom() {
    const { model, version, variant } = this.#parts.counters;
    return { model, version, variant };
  }
}

/** The widest of what any of them allows: rows of all of them are in one window. */
function rulesOf(equivalences: readonly Equivalence[], minRows: number): DriftRules {
  let allowedFailing = 0;
  let maxAcceptedDifference = 0;
  for (const { class: its } of equivalences) {
    if (its.kind !== "physics") continue;
    const { minAgreement = 0, maxEfficiencyDifference = 1 } = its;
    allowedFailing = Math.max(allowedFailing, 1 - minAgreement);
    maxAcceptedDifference = Math.max(maxAcceptedDifference, maxEfficiencyDifference);
  }
  return { minRows, allowedFailing, maxAcceptedDifference };
}
