/** What waits for one variant: requests by tenant, whose turn it is by the fair share of its devices. */
import type { Tenant } from "../../../src/inference/caller.ts";
import type { ShareClock, Sharer } from "../../../src/policy/fair-share/share-clock.ts";

export interface Waiting {
  readonly client: number;
  readonly tenant: Tenant;
  readonly sinceMs: number;
}

interface Turn {
  readonly sharer: Sharer;
  readonly requests: Waiting[];
  /** Of the first that waits: taking one is no copy of the others. */
  first: number;
}

export class Line {
  requests = 0;
  readonly #clock: ShareClock;
  readonly #turns = new Map<number, Turn>();

  constructor(clock: ShareClock) {
    this.#clock = clock;
  }

  add(request: Waiting): void {
    const { index } = request.tenant;
    const turn = this.#turns.get(index);
    if (turn === undefined) {
      const sharer = this.#clock.enter(request.tenant);
      this.#turns.set(index, { sharer, requests: [request], first: 0 });
    } else turn.requests.push(request);
    this.requests += 1;
  }

  /** The next one, charged to its tenant. @param us of one device, divided by how many there are */
  take(us: number): Waiting | undefined {
    let next: Turn | undefined;
    for (const turn of this.#turns.values()) {
      if (next === undefined || turn.sharer.tag < next.sharer.tag) next = turn;
    }
    if (next === undefined) return undefined;
    const request = next.requests[next.first] as Waiting;
    next.first += 1;
    this.requests -= 1;
    if (next.first === next.requests.length) {
      this.#turns.delete(request.tenant.index);
      this.#clock.leave(next.sharer);
    }
    this.#clock.charge(next.sharer, us);
    return request;
  }

  /** ms since when the longest waiting one waits; undefined: none does. */
  oldestMs(): number | undefined {
    let oldest: number | undefined;
    for (const { requests, first } of this.#turns.values()) {
      const since = requests[first]?.sinceMs;
      if (since !== undefined && (oldest === undefined || since < oldest)) oldest = since;
    }
    return oldest;
  }
}
