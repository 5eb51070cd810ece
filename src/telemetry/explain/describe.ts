/** A story as plain JSON, for HTTP and the command line. */
import type { Parameters } from "../../inference/request.ts";
import type { Routing } from "../../inference/story.ts";
import type { RequestStory } from "./request-story.ts";

/** Times without a unit in their names do not occur; those `…Us` are since the request was received, µs. */
export interface StoryFacts {
  readonly model: string;
  /** As asked for; empty: not named. */
  readonly version: string;
  readonly outcome: "under way" | "answered" | "failed";
  readonly failure?: string;
  /** `beamgate_…` parameters of the answer. */
  readonly origin?: Readonly<Record<string, boolean | number | string>>;
  readonly timeline: {
    readonly queuedUs?: number;
    readonly dispatchedUs?: number;
    /** What the execution that answered it took, whole batch. */
    readonly inputUs?: number;
    readonly inferUs?: number;
    readonly outputUs?: number;
    readonly answeredUs?: number;
  };
  /** Absent for a model without variants; more than one where the request went from one to another. */
  readonly routing?: readonly Routing[];
  readonly batches: readonly {
    readonly atUs: number;
    readonly rows: number;
    readonly requests: number;
    readonly closed: string;
    readonly device: string;
    readonly instance: string;
  }[];
  readonly notes: readonly { readonly atUs: number; readonly what: string }[];
  /** Of an ensemble. */
  readonly steps?: readonly StoryFacts[];
}

export interface Explanation extends StoryFacts {
  readonly id: string;
  /** ISO 8601. */
  readonly receivedAt: string;
  /** Who asked. */
  readonly tenant: string;
  /** Requests of a stream that went through the gateway together with it, itself included. */
  readonly bundled?: number;
}

/** @param receivedMs ms since 1970 */
export function describeStory(
  id: string,
  tenant: string,
  story: RequestStory,
  receivedMs: number,
  bundled: number | undefined,
): Explanation {
  const receivedAt = new Date(receivedMs).toISOString();
  return { id, receivedAt, tenant, ...(bundled !== undefined && { bundled }), ...factsOf(story) };
}

function factsOf(story: RequestStory): StoryFacts {
  const { model, version, outcome, failure, origin, timeline, routings, steps } = story;
  const { received, queued, dispatched, answered, execution } = timeline;
  const sinceUs = (stamp: number) => Math.max(0, Math.round((stamp - received) * 1000));
  return {
    model,
    version,
    outcome,
    ...(failure !== undefined && { failure }),
    ...(origin && { origin: plain(origin) }),
    timeline: {
      ...(queued > 0 && { queuedUs: sinceUs(queued) }),
      ...(dispatched > 0 && { dispatchedUs: sinceUs(dispatched) }),
      ...(execution && {
        inputUs: Math.round(execution.inputUs),
        inferUs: Math.round(execution.inferUs),
        outputUs: Math.round(execution.outputUs),
      }),
      ...(answered > 0 && { answeredUs: sinceUs(answered) }),
    },
    ...(routings.length > 0 && { routing: routings }),
    batches: story.executions.map(({ at, ...batch }) => ({ atUs: sinceUs(at), ...batch })),
    notes: story.notes.map(({ at, what }) => ({ atUs: sinceUs(at), what })),
    ...(steps.length > 0 && { steps: steps.map(factsOf) }),
  };
}

function plain(parameters: Parameters): Record<string, boolean | number | string> {
  return Object.fromEntries(
    [...parameters].map(([key, { value }]) => [
      key,
      typeof value === "bigint" ? String(value) : value,
    ]),
  );
}
