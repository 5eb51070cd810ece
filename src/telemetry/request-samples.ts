/**
 * Some of the requests that end while somebody looks at them. Of each tenant, in every half second, a few chosen
 * evenly, the slowest, and the first ones that failed; whatever the load, so many are made and no more:
 *
 *     half second of a tenant      ring of the newest
 *     ┌───────────────────────┐    ┌───┬───┬─ … ─┬───┐
 *     │ 8 chosen, slowest, 4  │ ─▶ │   │   │     │   │
 *     │ failed                │    └───┴───┴─ … ─┴───┘
 *     └───────────────────────┘
 */
import { DEFAULT_TENANT } from "../inference/caller.ts";
import type { FailureReason, RequestOutcome } from "../inference/outcome.ts";
import type {
  MaySee,
  RequestSample,
  RequestSampling,
  RequestSamples as Told,
} from "../inference/request-sample.ts";
import { clipped } from "./explain/request-story.ts";

const SPAN_MS = 500;
const CHOSEN = 8;
const FAILED = 4;
/** Tenants that are sampled in one span; of further ones nothing is. */
const MOST_TENANTS = 64;
/** That are kept; all of them may be told at once. */
const KEPT = 1_024;
/** Whoever looks asks again within this. */
const LOOKED_AT_MS = 5_000;

const OUTCOMES: Readonly<Record<FailureReason, RequestSample["outcome"]>> = {
  REJECTED: "rejected",
  CANCELED: "cancelled",
  BACKEND: "failed",
  OTHER: "failed",
};

type Unnumbered = Omit<RequestSample, "seq">;
type Place = "chosen" | "slowest" | "failed";

/** Of a tenant, in the span that is under way. */
class Span {
  readonly chosen: Unnumbered[] = [];
  readonly failed: Unnumbered[] = [];
  slowest: Unnumbered | undefined;
  slowestMs = Number.NEGATIVE_INFINITY;
  /** How many more are offered until one takes the place of another. */
  #passes = 0;
  /** The largest of as many random numbers as are chosen: what the next one has to be below. */
  #threshold = 1;

  /**
   * Whether the next one is among the chosen: each that is offered has the same chance (Li's algorithm L, which draws
   * how many pass by, not for each of them).
   * @param random from 0 up to 1
   */
  takes(random: () => number): boolean {
    if (this.chosen.length < CHOSEN) return true;
    if (this.#passes === 0) this.#draw(random);
    this.#passes -= 1;
    return this.#passes === 0;
  }

  take(sample: Unnumbered, random: () => number): void {
    if (this.chosen.length < CHOSEN) this.chosen.push(sample);
    else this.chosen[Math.floor(random() * CHOSEN)] = sample;
  }

  /** As what it is kept; undefined: not at all. */
  placeOf(tookMs: number, failed: boolean, random: () => number): Place | undefined {
    if (failed) return this.failed.length < FAILED ? "failed" : undefined;
    if (tookMs > this.slowestMs) return "slowest";
    return this.takes(random) ? "chosen" : undefined;
  }

  put(place: Place, sample: Unnumbered, tookMs: number, random: () => number): void {
    if (place === "failed") this.failed.push(sample);
    else if (place === "chosen") this.take(sample, random);
    else {
      const before = this.slowest;
      this.slowestMs = tookMs;
      this.slowest = sample;
      if (before !== undefined && this.takes(random)) this.take(before, random);
    }
  }

  #draw(random: () => number): void {
    // 1 - random(): above 0, as a logarithm wants it.
    this.#threshold *= (1 - random()) ** (1 / CHOSEN);
    const skipped = Math.floor(Math.log(1 - random()) / Math.log1p(-this.#threshold));
    this.#passes = 1 + skipped;
  }

  all(): Unnumbered[] {
    const { slowest, chosen, failed } = this;
    if (slowest === undefined) return [...chosen, ...failed];
    return [...chosen, ...failed, { ...slowest, slowest: true as const }];
  }
}

export interface RequestSamplesParts {
  /** Monotonic ms, as in the timelines. */
  now(): number;
  /** ms since 1970. */
  wallMs(): number;
  /** From 0 up to 1. */
  random(): number;
}

export class RequestSamples implements RequestSampling {
  readonly #parts: RequestSamplesParts;
  readonly #ring: RequestSample[] = [];
  /** By index of the tenant. */
  readonly #spans = new Map<number, Span>();
  #spanEndsAt = 0;
  #lookedAtUntil = Number.NEGATIVE_INFINITY;
  #seq = 0;

  constructor(parts: RequestSamplesParts) {
    this.#parts = parts;
  }

  /** Of every request that ended: a look at a number while nobody looks. Does not throw. */
  ended(outcome: RequestOutcome): void {
    const { timeline, failure, caller } = outcome;
    const { received, answered } = timeline;
    if (answered > this.#lookedAtUntil) return;
    if (answered >= this.#spanEndsAt) {
      this.#keep();
      this.#spanEndsAt = answered + SPAN_MS;
    }
    const span = this.#spanOf(caller?.tenant.index ?? DEFAULT_TENANT.index);
    const { random } = this.#parts;
    const tookMs = answered - received;
    const place = span?.placeOf(tookMs, failure !== undefined, random);
    if (place === undefined) return;
    // A copy, as the outcome itself is to go nowhere: see `ModelAccount.request`.
    const { signature, execution, rows, requests, request, batchRows } = outcome;
    const { device, variant, cache, onBehalf } = outcome;
    const kept = {
      ...{ signature, timeline, failure, execution, rows, requests, request, batchRows },
      ...{ caller, device, variant, cache, onBehalf },
    };
    span?.put(place, this.#sampleOf(kept), tookMs, random);
  }

  newest(after: number, maySee: MaySee): Told {
    const now = this.#parts.now();
    this.#lookedAtUntil = now + LOOKED_AT_MS;
    if (now >= this.#spanEndsAt) this.#keep();
    const requests = this.#ring.filter(
      ({ seq, tenant, model }) => seq > after && maySee(tenant, model),
    );
    return { last: this.#seq, requests };
  }

  #spanOf(tenant: number): Span | undefined {
    let span = this.#spans.get(tenant);
    if (span === undefined && this.#spans.size < MOST_TENANTS) {
      span = new Span();
      this.#spans.set(tenant, span);
    }
    return span;
  }

  /** The span is over. */
  #keep(): void {
    const all = [...this.#spans.values()].flatMap((span) => span.all());
    this.#spans.clear();
    for (const sample of all.toSorted((one, other) => (one.at < other.at ? -1 : 1))) {
      this.#seq += 1;
      this.#ring.push({ seq: this.#seq, ...sample });
    }
    if (this.#ring.length > KEPT) this.#ring.splice(0, this.#ring.length - KEPT);
  }

  #sampleOf(outcome: RequestOutcome): Unnumbered {
    const { signature, timeline, execution, failure, rows, requests, request } = outcome;
    const { received, queued, dispatched, answered } = timeline;
    const sinceMs = this.#parts.now() - received;
    const us = (fromMs: number, toMs: number) => Math.max(0, Math.round(1000 * (toMs - fromMs)));
    const computeUs = execution && dispatched > 0 ? Math.round(execution.inferUs) : undefined;
    return {
      id: clipped(request?.id ?? ""),
      at: new Date(this.#parts.wallMs() - sinceMs).toISOString(),
      ...{ model: signature.name, version: signature.version },
      tenant: outcome.caller?.tenant.name ?? DEFAULT_TENANT.name,
      outcome: failure === undefined ? "answered" : OUTCOMES[failure],
      rows,
      ...(outcome.batchRows !== undefined && { batchRows: outcome.batchRows }),
      ...(requests !== undefined && requests > 1 && { requests }),
      ...(outcome.device && { device: outcome.device.id }),
      ...(outcome.variant !== undefined && { variant: outcome.variant }),
      ...(outcome.cache?.hit === true && { cached: true as const }),
      ...(outcome.onBehalf === true && { onBehalf: true as const }),
      totalUs: us(received, answered),
      wireUs: us(received, queued > 0 ? queued : answered),
      ...(queued > 0 && { queueUs: us(queued, dispatched > 0 ? dispatched : answered) }),
      ...(computeUs !== undefined && {
        computeUs,
        batchUs: Math.max(0, us(dispatched, answered) - computeUs),
      }),
    };
  }
}
