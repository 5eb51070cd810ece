/** A board that holds one variant at a time, and is away while it is switched. */
import type { DeviceView, PlacementAction } from "../../../src/policy/placement/views.ts";
import type { PlatformFacts } from "./world.ts";

export class Board {
  readonly id: string;
  readonly platform: PlatformFacts;
  switches = 0;
  freeAtMs = 0;
  readonly #switchMs: number;
  #resident: string | undefined;
  /** When what it loads is there; undefined: it loads nothing. */
  #loadedAtMs: number | undefined;
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(id: string, platform: PlatformFacts, resident: string, switchMs: number) {
    this.id = id;
    this.platform = platform;
    this.#resident = resident;
    this.#switchMs = switchMs;
  }

  get loading(): boolean {
    return this.#loadedAtMs !== undefined;
  }

  /** The variant that it serves now. */
  get serves(): string | undefined {
    return this.loading ? undefined : this.#resident;
  }

  tick(nowMs: number): void {
    if (this.#loadedAtMs === undefined || this.#loadedAtMs > nowMs) return;
    this.#loadedAtMs = undefined;
    this.#sinceMs = nowMs;
  }

  /** What runs on it is finished first. */
  act(action: PlacementAction, nowMs: number): void {
    if (this.loading) throw new Error(`${this.id} is loading`);
    if (action.kind === "unload") {
      this.#resident = undefined;
      return;
    }
    this.#resident = action.variant;
    this.#loadedAtMs = Math.max(nowMs, this.freeAtMs) + this.#switchMs;
    this.freeAtMs = this.#loadedAtMs;
    this.#sinceMs = nowMs;
    this.switches += 1;
  }

  view(): DeviceView {
    return {
      id: this.id,
      vendor: this.platform.vendor,
      platform: this.platform.name,
      ...(this.#resident === undefined ? {} : { resident: this.#resident }),
      state: this.loading ? "loading" : "ready",
      sinceMs: this.#sinceMs,
      ...(this.switches === 0 ? {} : { switchMs: this.#switchMs }),
    };
  }
}
