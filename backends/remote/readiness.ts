/** Whether a far model serves, asked again and again: whoever watches is told when that changes. */
import type { FarModel } from "./codec/infer-request.ts";
import type { FarServer } from "./far-server.ts";

export interface ReadinessParts {
  readonly server: Pick<FarServer, "address" | "modelReady">;
  readonly model: FarModel;
  /** Between an answer and the next question. */
  readonly periodMs: number;
  /** Run before a model that was away counts as ready: it may have come back as another one. */
  readonly verify: () => Promise<void>;
}

/** A question without an answer for so many periods is an answer, too. */
const PATIENCE_PERIODS = 2;
const LEAST_PATIENCE_MS = 500;

export class Readiness {
  readonly #parts: ReadinessParts;
  #trouble: string | undefined;
  #changed: (trouble: string | undefined) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;
  #closed = false;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
    this.#askLater();
  }

  /** Why it does not serve; undefined: it does, as far as is known. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  watch(changed: (trouble: string | undefined) => void): void {
    this.#changed = changed;
    if (this.#trouble !== undefined) changed(this.#trouble);
  }

  /** An execution failed: asks now instead of later. */
  suspect(): void {
    clearTimeout(this.#timer);
    void this.#ask();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #askLater(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), this.#parts.periodMs);
  }

  /** One question at a time. Never rejects. */
  #ask(): Promise<void> {
    this.#asking ??= this.#look().finally(() => {
      this.#asking = undefined;
      this.#askLater();
    });
    return this.#asking;
  }

  async #look(): Promise<void> {
    const trouble = await this.#find();
    if (this.#closed || trouble === this.#trouble) return;
    const before = this.#trouble;
    this.#trouble = trouble;
    // Another reason is no news to whoever counts.
    if (before === undefined || trouble === undefined) this.#changed(trouble);
  }

  async #find(): Promise<string | undefined> {
    const { server, model, periodMs, verify } = this.#parts;
    try {
      const patienceMs = Math.max(LEAST_PATIENCE_MS, PATIENCE_PERIODS * periodMs);
      if (!(await server.modelReady(model, patienceMs))) {
        return `server ${server.address} says that model '${model.name}' is not ready`;
      }
      if (this.#trouble !== undefined) await verify();
      return undefined;
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : String(thrown);
    }
  }
}
