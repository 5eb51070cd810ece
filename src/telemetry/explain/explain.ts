/**
 * The newest requests that somebody may ask about by their ids, in a ring:
 *
 *      oldest                        newest
 *     ┌──────┬──────┬─ … ─┬──────┬──────┐
 *     │ a    │ b    │     │ p,q,r│ s    │   a bundle of a stream is one story of several ids
 *     └──────┴──────┴─ … ─┴──────┴──────┘
 *
 * Looking one up goes through all of them, so that keeping one costs a slot and nothing else.
 */
import type { WireRequest } from "../../inference/request.ts";
import type { MaySee } from "../../inference/request-sample.ts";
import { LONGEST_STORY_ID, type Story } from "../../inference/story.ts";
import type { Timeline } from "../../inference/timeline.ts";
import { describeStory, type Explanation } from "./describe.ts";
import { RequestStory } from "./request-story.ts";

export interface ExplainParts {
  /** Requests that are kept; 0: none. */
  readonly requests: number;
  /** Share of the requests with an id that are, 0 to 1. */
  readonly share: number;
  /** From 0 up to 1. */
  random(): number;
  /** Monotonic ms, as in the timelines. */
  now(): number;
  /** ms since 1970. */
  wallMs(): number;
}

interface Slot {
  readonly id: string;
  /** Of a bundle, instead of `id`. */
  readonly ids: readonly string[] | undefined;
  readonly tenant: string;
  readonly story: RequestStory;
}

type Asked = Pick<WireRequest, "id" | "model" | "version" | "bundledIds">;

export class Explain {
  readonly #parts: ExplainParts;
  readonly #slots: (Slot | undefined)[] = [];
  /** Where the next one goes, and how many there are before it. */
  #next = 0;
  #stories = 0;
  #requests = 0;

  constructor(parts: ExplainParts) {
    this.#parts = parts;
  }

  /** Requests that can be told about. */
  get size(): number {
    return this.#requests;
  }

  /**
   * @param tenant who asked
   * @returns undefined for a request that is not followed: it has no id, or is not among the samples
   */
  begin(
    { id, model, version, bundledIds }: Asked,
    timeline: Timeline,
    tenant: string,
  ): Story | undefined {
    const { requests, share } = this.#parts;
    if (requests === 0 || (share < 1 && this.#parts.random() >= share)) return undefined;
    const kept = bundledIds === undefined ? isKept(id) : bundledIds.every(isKept);
    if (!kept || (bundledIds?.length ?? 1) > requests) return undefined;
    const story = new RequestStory(model, version, timeline, this.#parts.now);
    this.#keep({ id, ids: bundledIds, tenant, story });
    return story;
  }

  /** The newest request of this id that somebody may see; undefined: there is none any more, or none was sampled. */
  explain(id: string, maySee: MaySee): Explanation | undefined {
    for (let back = 1; back <= this.#stories; back++) {
      const slot = this.#slots[this.#at(back)];
      if (slot === undefined || !(slot.ids?.includes(id) ?? slot.id === id)) continue;
      if (!maySee(slot.tenant, slot.story.model)) continue;
      const bundled = slot.ids?.length;
      // The wall clock may be set: what it shows now is taken back by what has passed.
      const startedAt = this.#parts.wallMs() - (this.#parts.now() - slot.story.timeline.received);
      return describeStory(id, slot.tenant, slot.story, startedAt, bundled);
    }
    return undefined;
  }

  #keep(slot: Slot): void {
    const { requests: most } = this.#parts;
    const count = slot.ids?.length ?? 1;
    while (this.#stories > 0 && this.#requests + count > most) this.#dropOldest();
    this.#slots[this.#next] = slot;
    this.#next = (this.#next + 1) % most;
    this.#stories += 1;
    this.#requests += count;
  }

  #dropOldest(): void {
    const oldest = this.#at(this.#stories);
    this.#requests -= this.#slots[oldest]?.ids?.length ?? 1;
    this.#slots[oldest] = undefined;
    this.#stories -= 1;
  }

  /** Position of the slot that was filled `back` stories ago. */
  #at(back: number): number {
    const { requests: most } = this.#parts;
    return (this.#next - back + most) % most;
  }
}

const isKept = (id: string) => id !== "" && id.length <= LONGEST_STORY_ID;
