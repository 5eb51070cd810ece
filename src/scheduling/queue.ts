/**
 * The requests of one model and one tenant that wait, in serving order, as the
 * model's queue policies say: by priority level, then by the deadline of the
 * client, or by arrival where there is none soon; requests that outlived a
 * DELAY time-out come after the others of their level.
 *
 *   level 1   │ waiting: a b c …  │ delayed: x …
 *   level 2   │ waiting: …        │ delayed: …
 *
 * Each lane also keeps its requests by batch key, so that those which may share
 * a batch with the head are found without looking at the others. Everything is
 * O(1) per request: a request leaves from the middle when its client hangs up.
 * There is one where several wait; for one alone see `lone.ts`.
 */
import { Chain, type Link } from "./chain.ts";
import type { Entry } from "./entry.ts";
import type { Levels } from "./levels.ts";

interface Line {
  readonly all: Chain<Entry>;
  /** By batch key. A chain that is empty is dropped, but for the one of models without freedom. */
  readonly byKey: Map<string, Chain<Entry>>;
  rows: number;
}

/** Those who may share a batch, one after the other, in serving order. Nothing may be taken out meanwhile. */
export interface Mates {
  next(): Entry | undefined;
}

const NO_FREEDOM = "";

export class RequestQueue {
  readonly #levels: Levels;
  /** Two lines per level: waiting and delayed. */
  readonly #lines: Line[] = [];
  #size = 0;
  #rows = 0;
  #withTimeout = 0;

  constructor(levels: Levels) {
    this.#levels = levels;
    for (let at = 0; at < 2 * levels.count; at += 1) this.#lines.push(newLine());
  }

  get size(): number {
    return this.#size;
  }

  get rows(): number {
    return this.#rows;
  }

  /** @throws StatusError UNAVAILABLE when its level holds as many as its policy allows. */
  add(entry: Entry): void {
    this.#levels.requireRoom(entry, this.#sizeOf(entry.level));
    this.insert(entry);
  }

  /** `add` for one that has its place already. */
  insert(entry: Entry): void {
    this.#size += 1;
    this.#rows += entry.request.rows;
    if (entry.expiresAt !== Number.POSITIVE_INFINITY) this.#withTimeout += 1;
    const line = this.#lineOf(entry);
    const key = keyOf(entry);
    const peers = line.byKey.get(key) ?? new Chain<Entry>();
    if (peers.size === 0) line.byKey.set(key, peers);
    line.rows += entry.request.rows;
    const inLine = insertByTurn(line.all, entry);
    entry.places = { inLine, peers, amongPeers: insertByTurn(peers, entry) };
  }

  remove(entry: Entry): void {
    const { places } = entry;
    if (!places) return;
    entry.places = undefined;
    this.#size -= 1;
    this.#rows -= entry.request.rows;
    if (this.#withTimeout > 0 && entry.expiresAt !== Number.POSITIVE_INFINITY) {
      this.#withTimeout -= 1;
    }
    const line = this.#lineOf(entry);
    line.rows -= entry.request.rows;
    line.all.remove(places.inLine);
    places.peers.remove(places.amongPeers);
    const key = keyOf(entry);
    if (places.peers.size === 0 && key !== NO_FREEDOM) line.byKey.delete(key);
  }

  /** Who is served next. */
  head(): Entry | undefined {
    for (const { all } of this.#lines) if (all.size > 0) return all.first;
    return undefined;
  }

  /** The head and those that may share a batch with it. */
  mates(head: Entry): Mates {
    return new Peers(this, head, head.request.alone || !this.#levels.dynamic);
  }

  /** The first of those that may share a batch of this key. */
  firstPeer(batchKey: string): Entry | undefined {
    return this.#firstFrom(0, batchKey);
  }

  /** Who is served next of those that may share a batch with an entry that waits here. */
  peerAfter(entry: Entry): Entry | undefined {
    const { places } = entry;
    if (places === undefined) return undefined;
    return places.amongPeers.next?.value ?? this.#firstFrom(indexOfLine(entry) + 1, keyOf(entry));
  }

  /**
   * Rows that would be served before a request that comes now, about: those of more urgent levels, and of
   * its own the part that is due before it.
   */
  rowsBefore(priority: number, due: number): number {
    const level = this.#levels.of(priority);
    let rows = 0;
    for (let at = 0; at <= level * 2; at += 1) {
      const line = this.#lines[at];
      if (line === undefined || line.all.size === 0) continue;
      rows += at < level * 2 ? line.rows : line.rows * partBefore(line.all, due);
    }
    return rows;
  }

  /**
   * Applies the time-outs that have passed: REJECT takes the request out and
   * returns it, DELAY sends it behind the others of its level.
   */
  expire(now: number): Entry[] {
    const rejected: Entry[] = [];
    if (this.#withTimeout === 0) return rejected;
    for (const entry of this.all()) {
      if (entry.expiresAt > now) continue;
      this.remove(entry);
      if (this.#levels.delays(entry)) this.insert(entry);
      else rejected.push(entry);
    }
    return rejected;
  }

  /** When the next time-out passes; Infinity for never. */
  nextExpiry(): number {
    let next = Number.POSITIVE_INFINITY;
    if (this.#withTimeout === 0) return next;
    for (const line of this.#lines) {
      for (const entry of line.all) next = Math.min(next, entry.expiresAt);
    }
    return next;
  }

  /** In serving order. */
  all(): Entry[] {
    return this.#lines.flatMap((line) => [...line.all]);
  }

  #firstFrom(from: number, key: string): Entry | undefined {
    for (let at = from; at < this.#lines.length; at += 1) {
      const first = this.#lines[at]?.byKey.get(key)?.first;
      if (first !== undefined) return first;
    }
    return undefined;
  }

  #lineOf(entry: Entry): Line {
    const line = this.#lines[indexOfLine(entry)];
    if (!line) throw new RangeError(`no priority level ${entry.level + 1}`);
    return line;
  }

  #sizeOf(level: number): number {
    const waiting = this.#lines[level * 2]?.all.size ?? 0;
    return waiting + (this.#lines[level * 2 + 1]?.all.size ?? 0);
  }
}

/** Of one tenant. */
class Peers implements Mates {
  readonly #queue: RequestQueue;
  readonly #alone: boolean;
  #next: Entry | undefined;
  #last: Entry | undefined;

  constructor(queue: RequestQueue, head: Entry, alone: boolean) {
    this.#queue = queue;
    this.#next = head;
    this.#alone = alone;
  }

  next(): Entry | undefined {
    if (this.#last !== undefined) {
      this.#next = this.#alone ? undefined : this.#queue.peerAfter(this.#last);
    }
    this.#last = this.#next;
    return this.#next;
  }
}

/** Of its level, among the lines of a queue. */
export function indexOfLine({ level, delayed }: Entry): number {
  return level * 2 + (delayed ? 1 : 0);
}

function newLine(): Line {
  return { all: new Chain(), byKey: new Map(), rows: 0 };
}

/** Behind those that are due before it, and those due with it. Deadlines mostly come in their order: few steps. */
function insertByTurn(chain: Chain<Entry>, entry: Entry): Link<Entry> {
  let previous = chain.last;
  while (previous?.value !== undefined && previous.value.dueAt > entry.dueAt) {
    previous = previous.previous;
  }
  return chain.insertAfter(previous, entry);
}

/** Of a line in the order of `dueAt`, the part that is due before `due`, as if they were due at even intervals. */
function partBefore(chain: Chain<Entry>, due: number): number {
  const first = chain.first?.dueAt ?? 0;
  const last = chain.last?.value?.dueAt ?? 0;
  if (due >= last) return 1;
  return due <= first ? 0 : (due - first) / (last - first);
}

/** Requests that run alone must not be found by others of their shape. */
function keyOf(entry: Entry): string {
  return entry.request.alone ? `alone ${entry.request.batchKey}` : entry.request.batchKey;
}
