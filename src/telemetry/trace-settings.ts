/**
 * What is traced, globally and per model, and which request is the next one.
 * Semantics of Triton's trace extension: a model keeps what was said for it and
 * follows the global settings in everything else; a new setting counts afresh.
 */
import { StatusError } from "../errors.ts";

export type TraceLevel = "TIMESTAMPS" | "TENSORS";

export interface TraceValues {
  /** Empty: off. */
  readonly level: readonly TraceLevel[];
  /** Every so many requests one is traced; 0: only those that are part of a trace already. */
  readonly rate: number;
  /** Traces still to be taken; -1: no end. */
  readonly count: number;
  /** Traces per file `<file>.<n>`; 0: one file. */
  readonly logFrequency: number;
}

/** undefined: clear, so that the setting above decides again. */
export type TraceChange = { readonly [K in keyof TraceValues]?: TraceValues[K] | undefined };

/** Values in force, with the counts of what was taken under them. */
export class TraceSetting {
  readonly values: TraceValues;
  /** The so manyth request from here is traced; 0 or less where it has passed. */
  #next: number;
  #left: number;

  constructor(values: TraceValues) {
    this.values = values;
    this.#next = values.rate;
    this.#left = values.count;
  }

  get on(): boolean {
    return this.values.level.length > 0;
  }

  /** What is left of `count`. */
  get left(): number {
    return this.#left;
  }

  /** Whether the request at hand is traced. @param forced it is part of a trace already. */
  sample(forced: boolean): boolean {
    const { rate } = this.values;
    if (!this.on) return false;
    if (rate === 0 || (this.#left === 0 && !forced)) return forced;
    if (this.letPass()) return forced;
    this.#next += rate - 1;
    const hit = this.#left !== 0;
    if (hit && this.#left > 0) this.#left--;
    return hit || forced;
  }

  /**
   * Lets a request that is no part of a trace go untraced where none is due yet, and counts it; else `sample` decides.
   * Whatever the level and what is left of the count: where nothing is traced, what was counted matters to nobody.
   */
  letPass(): boolean {
    if (this.#next <= 1) return false;
    this.#next -= 1;
    return true;
  }

  /** How many requests that are no part of a trace go before one is traced; Infinity: none will be. */
  get untraced(): number {
    const { rate } = this.values;
    if (!this.on || rate === 0 || this.#left === 0) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#next - 1);
  }

  /** So many went untraced. More than were to: the next one makes up for it. */
  passed(requests: number): void {
    if (this.untraced !== Number.POSITIVE_INFINITY) this.#next -= requests;
  }
}

export class TraceSettings {
  readonly #defaults: TraceValues;
  /** Why tracing can not be switched on; undefined: it can. */
  readonly #impossible: string | undefined;
  readonly #models = new Map<string, { said: TraceChange; setting: TraceSetting }>();
  #said: TraceChange = {};
  #global: TraceSetting;
  /** Told of every setting that no longer counts. */
  onReplaced: ((setting: TraceSetting) => void) | undefined;

  constructor(defaults: TraceValues, impossible?: string) {
    this.#defaults = defaults;
    this.#impossible = impossible;
    this.#global = new TraceSetting(defaults);
  }

  /** In force for a model; without one, for the models nothing was said about. */
  of(model = ""): TraceSetting {
    // Of every request: its name, which was just read from the network, is hashed only where it may lead somewhere.
    if (this.#models.size === 0) return this.#global;
    return this.#models.get(model)?.setting ?? this.#global;
  }

  /** As `TraceSetting.letPass`, whatever the model; where models have settings of their own, none passes. */
  letPass(): boolean {
    return this.#models.size === 0 && this.#global.letPass();
  }

  /**
   * A key that is present and undefined is cleared; one that is absent stays.
   * @param model empty: the global settings.
   * @throws StatusError with Triton's text where tracing would be on and can not be
   */
  update(model: string, change: TraceChange): void {
    if (model === "") {
      const said = { ...this.#said, ...change };
      const values = merged(this.#defaults, said);
      this.#check(values);
      this.#said = said;
      this.#replace(this.#global);
      this.#global = new TraceSetting(values);
      for (const [name, known] of this.#models) this.#updateModel(name, known.said);
    } else {
      this.#updateModel(model, { ...this.#models.get(model)?.said, ...change });
    }
  }

  #updateModel(model: string, said: TraceChange): void {
    const values = merged(this.#global.values, said);
    this.#check(values);
    const known = this.#models.get(model);
    if (known !== undefined) this.#replace(known.setting);
    if (Object.values(said).every((value) => value === undefined)) this.#models.delete(model);
    else this.#models.set(model, { said, setting: new TraceSetting(values) });
  }

  #check({ level, rate }: TraceValues): void {
    const reason = this.#impossible ?? (rate === 0 ? "sample rate must be non-zero" : undefined);
    if (level.length === 0 || reason === undefined) return;
    throw new StatusError("INVALID_ARGUMENT", `Attempting to set invalid trace setting :${reason}`);
  }

  #replace(setting: TraceSetting): void {
    this.onReplaced?.(setting);
  }
}

function merged(below: TraceValues, said: TraceChange): TraceValues {
  return {
    level: said.level ?? below.level,
    rate: said.rate ?? below.rate,
    count: said.count ?? below.count,
    logFrequency: said.logFrequency ?? below.logFrequency,
  };
}
