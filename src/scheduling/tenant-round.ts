/**
 * Those who may share a batch with the head, over all tenants that wait: in the order in which they would be
 * served one by one, were each charged before the next is chosen.
 */
import type { ShareClock } from "../policy/fair-share/share-clock.ts";
import { NOBODY, TagHeap } from "../policy/fair-share/tag-heap.ts";
import type { Entry } from "./entry.ts";
import { joins } from "./lone.ts";
import type { Mates } from "./queue.ts";
import { TenantLine, type Turns, type Waits } from "./turns.ts";

/** Tenants that one batch is filled from at most: a decision stays short. */
const TENANTS_PER_BATCH = 64;

/** A tenant that has more than what was looked at. */
interface Again {
  readonly usPerRow: number;
  readonly line: TenantLine;
  next: Entry;
}

export class TenantRound implements Mates {
  readonly #turns: Turns;
  readonly #clock: ShareClock;
  readonly #usPerRow: number;
  readonly #first: Waits;
  readonly #head: Entry;
  #begun = false;
  #tenants = 0;
  readonly #again: Again[] = [];
  /** Of `#again`: what each would have been charged for what was looked at. */
  readonly #tags: number[] = [];
  readonly #heap = new TagHeap(this.#tags);

  /**
   * @param head of all
   * @param first what of its tenant waits
   * @param usPerRow what a row costs the one who sends it, device µs
   */
  constructor(turns: Turns, clock: ShareClock, usPerRow: number, first: Waits, head: Entry) {
    this.#turns = turns;
    this.#clock = clock;
    this.#usPerRow = usPerRow;
    this.#first = first;
    this.#head = head;
  }

  next(): Entry | undefined {
    if (!this.#begun) {
      // The head goes first, also where its tenant has waited too long and its share is spent.
      this.#begun = true;
      this.#turns.lookAtAll();
      if (this.#first instanceof TenantLine) this.#lookAgain(this.#first, this.#head);
      return this.#head;
    }
    const again = this.#heap.first;
    const most = again === NOBODY ? Number.POSITIVE_INFINITY : (this.#tags[again] ?? 0);
    return this.#nextTenant(most) ?? this.#nextOf(again);
  }

  /** Of a tenant that was not looked at yet and whose tag is `most` or less. */
  #nextTenant(most: number): Entry | undefined {
    while (this.#tenants < TENANTS_PER_BATCH) {
      const waits = this.#turns.next(most);
      if (waits === undefined) return undefined;
      this.#tenants += 1;
      if (waits === this.#first) continue;
      const entry = this.#mateOf(waits);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  #mateOf(waits: Waits): Entry | undefined {
    const { batchKey } = this.#head.request;
    if (!(waits instanceof TenantLine)) return joins(waits, batchKey) ? waits : undefined;
    const entry = waits.firstPeer(batchKey);
    if (entry !== undefined) this.#lookAgain(waits, entry);
    return entry;
  }

  #nextOf(again: number): Entry | undefined {
    const turn = again === NOBODY ? undefined : this.#again[again];
    if (turn === undefined) return undefined;
    const entry = turn.next;
    const behind = turn.line.peerAfter(entry);
    if (behind === undefined) {
      this.#heap.takeFirst();
    } else {
      turn.next = behind;
      this.#tags[again] = (this.#tags[again] ?? 0) + entry.request.rows * turn.usPerRow;
    }
    return entry;
  }

  #lookAgain(line: TenantLine, entry: Entry): void {
    const next = line.peerAfter(entry);
    if (next === undefined) return;
    const usPerRow = this.#usPerRow / this.#clock.partOf(line.sharer);
    const index = this.#again.push({ usPerRow, line, next }) - 1;
    this.#tags.push(line.sharer.tag + entry.request.rows * usPerRow);
    this.#heap.add(index);
  }
}
