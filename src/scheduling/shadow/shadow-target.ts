/**
 * One artifact that computes live requests once more, while nothing live needs its device. What it answers is
 * compared with what clients were answered; an artifact that leaves its class is given up, once.
 *
 *   offer → waiting → device idle? → run as a batch → compare → drifted? → demote
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
  /** Most rows of a batch. */
  readonly maxRows: number;
  /** Runs the inputs of several samples as one batch. Only while `idle`. */
  run(batch: readonly (readonly Tensor[])[]): Promise<ShadowRun>;
  close(): Promise<void>;
}

export interface ShadowRun {
  /** Of each sample, in memory of the caller. */
  readonly outputs: readonly ReadonlyMap<string, Uint8Array>[];
  readonly deviceUs: number;
  /** What the gateway itself did for it, µs. */
  readonly gatewayUs: number;
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
/** A sample waits no longer for an idle device, ms: its board may hold another artifact, and others need the room. */
const LONGEST_WAIT_MS = 5000;

interface Waiting {
  readonly sample: ShadowSample;
  /** Monotonic ms. */
  readonly since: number;
}

export class ShadowTarget {
  readonly name: string;
  readonly #parts: ShadowTargetParts;
  readonly #waiting: Waiting[] = [];
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
    this.#waiting.push({ sample, since: this.#parts.clock.now() });
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
    this.#drop(this.#waiting.length);
  }

  /** The oldest of those that wait. */
  #drop(count: number): void {
    for (const { sample } of this.#waiting.splice(0, count)) {
      this.#parts.budget.give(sample.rows, sample.byteLength);
      this.#parts.counters.droppedRows += sample.rows;
    }
  }

  #dropOverdue(): void {
    const oldest = this.#parts.clock.now() - LONGEST_WAIT_MS;
    const kept = this.#waiting.findIndex(({ since }) => since > oldest);
    this.#drop(kept < 0 ? this.#waiting.length : kept);
  }

  #lookLater(): void {
    if (this.#running || this.#over || this.#waiting.length === 0) return;
    this.#cancelLook ??= this.#parts.clock.after(LOOK_MS, () => {
      this.#cancelLook = undefined;
      this.#look();
    });
  }

  #look(): void {
    const { device } = this.#parts;
    if (this.#running || this.#over) return;
    this.#dropOverdue();
    const batch = device.idle ? this.#take(device.maxRows) : [];
    if (batch.length === 0) {
      this.#lookLater();
      return;
    }
    this.#running = true;
    void this.#compute(batch).finally(() => {
      this.#running = false;
      this.#onIdle?.();
      this.#look();
    });
  }

  /** The oldest, and those behind it that are of its kind. */
  #take(maxRows: number): readonly ShadowSample[] {
    const batch: ShadowSample[] = [];
    let rows = 0;
    for (const { sample } of this.#waiting) {
      const first = batch[0] ?? sample;
      if (sample.kind !== first.kind || (rows > 0 && rows + sample.rows > maxRows)) break;
      batch.push(sample);
      rows += sample.rows;
    }
    this.#waiting.splice(0, batch.length);
    for (const { rows, byteLength } of batch) this.#parts.budget.give(rows, byteLength);
    return batch;
  }

  /** Never rejects. */
  async #compute(batch: readonly ShadowSample[]): Promise<void> {
    const { device, counters, log } = this.#parts;
    try {
      const run = await device.run(batch.map(({ inputs }) => inputs));
      counters.deviceUs += run.deviceUs;
      counters.gatewayUs += run.gatewayUs;
      if (!this.#over) await this.#judge(batch, run.outputs);
    } catch (thrown) {
      for (const { rows } of batch) counters.failedRows += rows;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      log.warn(`a live request could not be computed once more: ${reason}`, this.#whom);
    }
  }

  async #judge(batch: readonly ShadowSample[], got: ShadowRun["outputs"]): Promise<void> {
    const { counters, judged, clock, log } = this.#parts;
    const started = clock.now();
    const { flipped, ...found } = this.#compare(batch, got);
    counters.rows += found.rows;
    counters.failingRows += found.failing;
    counters.decisionFlips += flipped;
    this.#window.add(found);
    const drift = judged ? driftOf(this.#window.counts, this.#rules) : undefined;
    counters.gatewayUs += (clock.now() - started) * 1000;
    if (drift === undefined) return;
    this.#end();
    counters.demotions += 1;
    log.error(`an artifact is taken out of service: ${drift}`, this.#whom);
    await this.#parts.demote(drift).catch((thrown: unknown) => {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      log.error(
        `it is still in service (${reason}): retire it with 'beamgate model retire'`,
        this.#whom,
      );
    });
  }

  /** A comparison a batch: one of the class `physics` remembers every row. */
  #compare(batch: readonly ShadowSample[], got: ShadowRun["outputs"]) {
    const { equivalences, outputs, counters } = this.#parts;
    const [first] = batch;
    const [only] = equivalences.values();
    const equivalence = equivalences.get(first?.answeredBy ?? "") ?? only;
    if (first === undefined || equivalence === undefined) {
      throw new RangeError("there is nothing to compare with");
    }
    const comparison = new Comparison(equivalence, outputs);
    let rows = 0;
    let failing = 0;
    for (const [at, sample] of batch.entries()) {
      const rowNumbers = Array.from({ length: sample.rows }, (_, row) => row);
      failing += comparison.add(rowNumbers, got[at] ?? new Map(), sample.outputs).failing;
      rows += sample.rows;
    }
    const { outputs: errors, physics } = comparison.result;
    counters.addErrors(errors.filter(({ name }) => first.outputs.has(name)));
    const acceptedOf = (share = 0) => Math.round(share * rows);
    return {
      rows,
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
