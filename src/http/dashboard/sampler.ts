/**
 * Takes a sample of the gateway now and then, as long as somebody looks, and makes snapshots of them. Rates are
 * means over a few seconds, so that figures can be read.
 */
import type { Clock } from "../../clock.ts";
import type { Sample, Snapshot, SnapshotPoint } from "../../inference/dashboard-report.ts";
import type { Logger } from "../../logger.ts";
import { snapshotOf } from "./figures.ts";

/** Between two samples while somebody looks, ms: at most 4 a second. */
const PERIOD_MS = 500;
/** Rates are means over so much, and a period more; where nothing younger is at hand, over up to `LONGEST_SPAN_MS`, ms. */
const SPAN_MS = 3_000;
/** Beyond that a mean says nothing of now: there is none. */
const LONGEST_SPAN_MS = 30_000;
/** Snapshots that can be asked for by their id. */
const KEPT = 240;
/** Of those that were asked for, which people have before them and send each other: the last ones stay. */
const HELD = 32;
/** Where there are thousands of models fewer are kept, and fewer held: of all of them together no more than so many. */
const MOST_MODELS = 50_000;
/** Snapshots that somebody is shown later, whose stream broke for a moment. */
const MOST_MISSED = 20;
/** Nobody is shown what is older when he begins to look, ms. */
const FRESH_MS = 1_000;

export interface SamplerParts {
  sample(): Promise<Sample>;
  readonly clock: Clock;
  readonly log: Logger;
}

export type Viewer = (snapshot: Snapshot) => void;

/** A snapshot, and what the charts beside it are drawn from: up to it, oldest first. */
export interface Kept {
  readonly snapshot: Snapshot;
  readonly points: readonly SnapshotPoint[];
}

export class Sampler {
  readonly #parts: SamplerParts;
  readonly #viewers = new Set<Viewer>();
  readonly #samples: Sample[] = [];
  readonly #snapshots: Snapshot[] = [];
  /** Of the last `KEPT` snapshots, whether they are kept themselves or not. */
  readonly #points: { readonly id: number; readonly point: SnapshotPoint }[] = [];
  /** By id; the one that was asked for last is the last. */
  readonly #held = new Map<number, Kept>();
  #taking: Promise<Snapshot> | undefined;
  #stopWaiting: (() => void) | undefined;
  #takenAt = Number.NEGATIVE_INFINITY;
  #lastId = 0;

  constructor(parts: SamplerParts) {
    this.#parts = parts;
  }

  /** One that was made a moment ago, or a new one. */
  async current(): Promise<Snapshot> {
    const last = this.#snapshots.at(-1);
    const age = this.#parts.clock.now() - this.#takenAt;
    return last !== undefined && age < FRESH_MS ? last : this.#take();
  }

  /** It is held on to from then on. undefined: it is too old, or was never made. */
  withId(id: number): Kept | undefined {
    const found = this.#held.get(id) ?? this.#keptAt(this.#indexOf(id));
    if (found === undefined) return undefined;
    this.#held.delete(id);
    this.#held.set(id, found);
    const most = Math.min(HELD, roomFor(found.snapshot));
    for (const [oldest] of this.#held) if (this.#held.size > most) this.#held.delete(oldest);
    return found;
  }

  /** As `current`, with what is known of before. */
  async now(): Promise<Kept> {
    const snapshot = await this.current();
    return this.#keptAt(this.#indexOf(snapshot.id)) ?? { snapshot, points: [] };
  }

  #indexOf(id: number): number {
    return this.#snapshots.findIndex((snapshot) => snapshot.id === id);
  }

  #keptAt(index: number): Kept | undefined {
    const snapshot = this.#snapshots[index];
    if (snapshot === undefined) return undefined;
    const until = this.#points.filter(({ id }) => id <= snapshot.id);
    return { snapshot, points: until.map(({ point }) => point) };
  }

  /** Those that came after one, the newest of them, oldest first; none where it is not one of this process. */
  since(id: number): readonly Snapshot[] {
    if (this.#indexOf(id) < 0) return [];
    return this.#snapshots.filter((snapshot) => snapshot.id > id).slice(-MOST_MISSED);
  }

  /** Is shown every snapshot from now on. @returns what ends that */
  watch(viewer: Viewer): () => void {
    this.#viewers.add(viewer);
    this.#schedule();
    return () => {
      this.#viewers.delete(viewer);
      if (this.#viewers.size > 0) return;
      this.#stopWaiting?.();
      this.#stopWaiting = undefined;
    };
  }

  #schedule(): void {
    if (this.#stopWaiting !== undefined || this.#viewers.size === 0) return;
    this.#stopWaiting = this.#parts.clock.after(PERIOD_MS, () => {
      this.#stopWaiting = undefined;
      this.#take()
        .then((snapshot) => {
          for (const viewer of this.#viewers) viewer(snapshot);
        })
        .catch((error: unknown) => this.#parts.log.warn("no snapshot for the dashboard", { error }))
        .finally(() => this.#schedule());
    });
  }

  #take(): Promise<Snapshot> {
    this.#taking ??= this.#makeOne().finally(() => {
      this.#taking = undefined;
    });
    return this.#taking;
  }

  async #makeOne(): Promise<Snapshot> {
    const now = await this.#parts.sample();
    const before = this.#before(now);
    this.#samples.push(now);
    this.#lastId += 1;
    const snapshot = snapshotOf(this.#lastId, before, now);
    this.#snapshots.push(snapshot);
    this.#points.push({ id: snapshot.id, point: pointOf(snapshot) });
    if (this.#points.length > KEPT) this.#points.shift();
    const most = Math.min(KEPT, roomFor(snapshot));
    this.#snapshots.splice(0, Math.max(0, this.#snapshots.length - most));
    this.#takenAt = this.#parts.clock.now();
    return snapshot;
  }

  /** That the rates are counted from; older ones are let go of. */
  #before(now: Sample): Sample | undefined {
    const ageMs = (sample: Sample) => now.clockMs - sample.clockMs;
    const samples = this.#samples;
    const young = samples.findIndex((sample) => ageMs(sample) <= SPAN_MS + PERIOD_MS);
    samples.splice(0, young < 0 ? samples.length - 1 : young);
    if (samples[0] !== undefined && ageMs(samples[0]) > LONGEST_SPAN_MS) samples.shift();
    return samples[0];
  }
}

const roomFor = ({ models }: Snapshot) => Math.ceil(MOST_MODELS / Math.max(1, models.length));

const pointOf = ({ at, seconds, total }: Snapshot): SnapshotPoint => ({
  at,
  ...(seconds === undefined ? {} : { seconds }),
  total,
});
