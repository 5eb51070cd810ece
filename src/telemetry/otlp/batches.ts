/**
 * What ended becomes part of the message that is open soon after, together with what else did: soon, so that it does
 * not outlive young collections; together, because code that runs once in a while finds nothing of itself in the
 * processor's caches. A message waits until there is enough in it, or long enough, and goes out when the one before has
 * arrived. Beyond its bound what comes is dropped: a collector that is away costs traces, and no more memory than that.
 */
import type { Clock } from "../../clock.ts";

export interface BatchRules {
  /** Most that waits, by weight; what is being sent is not counted. */
  readonly most: number;
  /** Of one message, by weight. */
  readonly batch: number;
  /** Longest that the first in a message waits for others, ms. */
  readonly delayMs: number;
}

/** The message that is open. */
export interface OpenMessage<Item, Message> {
  add(item: Item): void;
  /** What was added; the next message begins. */
  take(): Message;
}

export interface BatchParts<Item, Message> {
  readonly rules: BatchRules;
  readonly open: OpenMessage<Item, Message>;
  weightOf(item: Item): number;
  /** Rejects when it did not arrive: it is lost. */
  send(message: Message): Promise<void>;
  readonly clock: Pick<Clock, "after" | "soon">;
}

/** As much at a time becomes part of a message, or what there is after so long, ms. */
const TOGETHER = 32;
const TOGETHER_MS = 20;

export class Batches<Item, Message> {
  readonly #parts: BatchParts<Item, Message>;
  /** Not yet part of a message. */
  #fresh: Item[] = [];
  #freshWeight = 0;
  /** Takes back what would gather them. */
  #stopGathering: (() => void) | undefined;
  #hurried = false;
  /** Weight of the message that is open. */
  #openWeight = 0;
  readonly #closed: { readonly message: Message; readonly weight: number }[] = [];
  /** Of all that waits. */
  #weight = 0;
  #sending: Promise<void> | undefined;
  /** Takes back what would close the message that is open. */
  #stopWaiting: (() => void) | undefined;
  #ended = false;
  /** How much was dropped, by weight. */
  dropped = 0;

  constructor(parts: BatchParts<Item, Message>) {
    this.#parts = parts;
  }

  add(item: Item): void {
    const { rules, clock, weightOf } = this.#parts;
    const weight = weightOf(item);
    if (this.#ended || this.#weight + weight > rules.most) {
      this.dropped += weight;
      return;
    }
    this.#weight += weight;
    this.#freshWeight += weight;
    this.#fresh.push(item);
    this.#stopWaiting ??= clock.after(rules.delayMs, this.#flush);
    const enough = this.#openWeight + this.#freshWeight >= rules.batch;
    if (!enough && this.#fresh.length < TOGETHER) {
      this.#stopGathering ??= clock.after(TOGETHER_MS, this.#gather);
    } else if (!this.#hurried) {
      this.#hurried = true;
      // Not within the life of the request that ended.
      clock.soon(this.#gather);
    }
  }

  /** Resolves when everything was sent, as far as it could be. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#flush();
    while (this.#sending !== undefined) await this.#sending;
  }

  readonly #flush = (): void => {
    this.#gather();
    this.#shut();
    this.#begin();
  };

  readonly #gather = (): void => {
    const { rules, open, weightOf, clock } = this.#parts;
    this.#hurried = false;
    this.#stopGathering?.();
    this.#stopGathering = undefined;
    for (const item of this.#fresh) {
      const weight = weightOf(item);
      if (this.#openWeight + weight > rules.batch) this.#shut();
      open.add(item);
      this.#openWeight += weight;
    }
    this.#fresh = [];
    this.#freshWeight = 0;
    if (this.#openWeight >= rules.batch) this.#shut();
    if (this.#openWeight > 0 && !this.#ended) {
      this.#stopWaiting ??= clock.after(rules.delayMs, this.#flush);
    }
    this.#begin();
  };

  /** The message that is open, if anything is in it, waits to be sent. */
  #shut(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    if (this.#openWeight === 0) return;
    this.#closed.push({ message: this.#parts.open.take(), weight: this.#openWeight });
    this.#openWeight = 0;
  }

  #begin(): void {
    if (this.#sending !== undefined) return;
    const next = this.#closed.shift();
    if (next === undefined) return;
    this.#weight -= next.weight;
    this.#sending = this.#parts
      .send(next.message)
      .catch(() => undefined)
      .then(() => {
        this.#sending = undefined;
        this.#begin();
      });
  }
}
