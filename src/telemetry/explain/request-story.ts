/** The story of one request, as it is kept: a bounded number of things, each of a bounded size. */
import type { Parameters } from "../../inference/request.ts";
import type { Routing, Story, StoryBatch } from "../../inference/story.ts";
import type { Timeline } from "../../inference/timeline.ts";

/** Executions and notes that are kept of a request: the first ones. */
const MOST_OF_EACH = 16;
/** Requests that are made on behalf of one (steps of an ensemble). */
const MOST_STEPS = 64;
/** Characters of a text that comes from outside. */
const LONGEST_TEXT = 512;

/** @returns `text`, cut off where it is long; never a slice that holds a longer string in memory */
export function clipped(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${Buffer.from(text.slice(0, LONGEST_TEXT))}…`;
}

export interface StoryExecution extends StoryBatch {
  /** Monotonic ms. */
  readonly at: number;
}

export interface StoryNote {
  /** Monotonic ms. */
  readonly at: number;
  readonly what: string;
}

export class RequestStory implements Story {
  readonly model: string;
  /** As asked for; empty: the newest, or what an alias names. */
  readonly version: string;
  readonly timeline: Timeline;
  readonly #now: () => number;
  #routings: Routing[] | undefined;
  #executions: StoryExecution[] | undefined;
  #notes: StoryNote[] | undefined;
  #steps: RequestStory[] | undefined;
  #outcome: "under way" | "answered" | "failed" = "under way";
  #failure: string | undefined;
  #origin: Parameters | undefined;

  constructor(model: string, version: string, timeline: Timeline, now: () => number) {
    this.model = clipped(model);
    this.version = clipped(version);
    this.timeline = timeline;
    this.#now = now;
  }

  get routings(): readonly Routing[] {
    return this.#routings ?? [];
  }

  get executions(): readonly StoryExecution[] {
    return this.#executions ?? [];
  }

  get notes(): readonly StoryNote[] {
    return this.#notes ?? [];
  }

  get steps(): readonly RequestStory[] {
    return this.#steps ?? [];
  }

  get outcome() {
    return this.#outcome;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  get origin(): Parameters | undefined {
    return this.#origin;
  }

  routed(routing: Routing): void {
    this.#routings ??= [];
    if (this.#routings.length >= MOST_OF_EACH) return;
    const { wish } = routing;
    const clip = ([key, value]: [string, string]) => [key, clipped(value)] as const;
    this.#routings.push({
      ...routing,
      wish: wish && Object.fromEntries(Object.entries(wish).map(clip)),
    });
  }

  dispatched(batch: StoryBatch): void {
    this.#executions ??= [];
    if (this.#executions.length >= MOST_OF_EACH) return;
    this.#executions.push({ ...batch, at: this.#now() });
  }

  noted(what: string): void {
    this.#notes ??= [];
    if (this.#notes.length < MOST_OF_EACH) {
      this.#notes.push({ at: this.#now(), what: clipped(what) });
    }
  }

  answered(origin: Parameters | undefined): void {
    this.#outcome = "answered";
    this.#origin = origin;
  }

  failed(why: string): void {
    this.#outcome = "failed";
    this.#failure = clipped(why);
  }

  step(model: string, version: string, timeline: Timeline): Story | undefined {
    this.#steps ??= [];
    if (this.#steps.length >= MOST_STEPS) return undefined;
    const step = new RequestStory(model, version, timeline, this.#now);
    this.#steps.push(step);
    return step;
  }
}
