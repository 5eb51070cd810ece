/**
 * What is written down while a request lives, where somebody may ask for it later (`beamgate explain`).
 * A call that is not followed has none: whoever has something to tell looks first. Nothing here throws.
 */
import type { Parameters } from "./parameters.ts";
import type { Timeline } from "./timeline.ts";

/** Requests with a longer id have no story, characters. */
export const LONGEST_STORY_ID = 256;

/** What a variant of the model showed when the router looked. */
export interface CandidateView {
  readonly name: string;
  readonly vendor: string;
  readonly platform: string;
  readonly numericClass: string;
  readonly ready: boolean;
  /** False while the breakers of all its devices are open. */
  readonly allowed: boolean;
  /** ms until it is probably ready; absent: it is, or nobody knows. */
  readonly readyInMs?: number | undefined;
  readonly queuedRows: number;
  readonly inFlightRows: number;
  readonly instances: number;
  /** ms until the request would be answered there; absent: unknown. */
  readonly expectedDelayMs?: number | undefined;
}

export interface Routing {
  readonly variant: string;
  /** In words: why this one. */
  readonly why: string;
  /** What the client asked for; absent: nothing. */
  readonly wish?: Readonly<Record<string, string>> | undefined;
  readonly candidates: readonly CandidateView[];
}

export interface StoryBatch {
  readonly rows: number;
  readonly requests: number;
  /** In words: why no more was waited for. */
  readonly closed: string;
  readonly device: string;
  readonly instance: string;
}

export interface Story {
  routed(routing: Routing): void;
  /** Its batch was given to a device; more than once where an execution failed. */
  dispatched(batch: StoryBatch): void;
  /** Something that does not happen to every request, in words. */
  noted(what: string): void;
  /** @param origin what the answer told of where it comes from */
  answered(origin: Parameters | undefined): void;
  /** It ended without an answer. */
  failed(why: string): void;
  /** The story of a request that is made on behalf of this one; undefined: there are too many. */
  step(model: string, version: string, timeline: Timeline): Story | undefined;
}
