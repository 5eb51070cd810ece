/** The connections of a driver: who takes the next request, and what happens when one ends. */

/** One open connection. */
export interface LaneConnection {
  /** Requests without an answer. */
  readonly open: number;
  /** Requests that it takes at once. */
  readonly limit: number;
  readonly usable: boolean;
  flush(): void;
  close(): void;
}

const RECONNECT_PAUSE_MS = 50;

/** Opens one connection. @param ended called once when it takes no further request */
export type OpenLane<C> = (identity: number, ended: () => void) => Promise<C>;

export class Lanes<C extends LaneConnection> {
  readonly #open: OpenLane<C>;
  readonly #onRoom: () => void;
  /** Of each identity. */
  readonly #lanes: (C | undefined)[][];
  readonly #next: number[];
  /** Those that were taken since the last flush. */
  readonly #touched = new Set<C>();
  #closed = false;
  reconnects = 0;

  constructor(identities: number, connections: number, open: OpenLane<C>, onRoom: () => void) {
    this.#open = open;
    this.#onRoom = onRoom;
    this.#lanes = Array.from({ length: identities }, () => Array(connections).fill(undefined));
    this.#next = Array(identities).fill(0);
  }

  async open(): Promise<void> {
    const opening = this.#lanes.flatMap((lanes, identity) =>
      lanes.map((_, index) => this.#connect(identity, index)),
    );
    try {
      await Promise.all(opening);
    } catch (thrown) {
      await Promise.allSettled(opening);
      this.close();
      throw thrown;
    }
  }

  /** The next connection in turn with room for a request. */
  take(identity: number): C | undefined {
    const lanes = this.#lanes[identity] ?? [];
    const first = this.#next[identity] ?? 0;
    for (let tried = 0; tried < lanes.length; tried++) {
      const at = (first + tried) % lanes.length;
      const lane = lanes[at];
      if (lane?.usable && lane.open < lane.limit) {
        this.#next[identity] = at + 1;
        this.#touched.add(lane);
        return lane;
      }
    }
    return undefined;
  }

  flush(): void {
    if (this.#touched.size === 0) return;
    for (const lane of this.#touched) lane.flush();
    this.#touched.clear();
  }

  close(): void {
    this.#closed = true;
    for (const lanes of this.#lanes) for (const lane of lanes) lane?.close();
  }

  async #connect(identity: number, index: number): Promise<void> {
    const lane = await this.#open(identity, () => this.#reconnect(identity, index));
    if (this.#closed) lane.close();
    else (this.#lanes[identity] ?? [])[index] = lane;
  }

  #reconnect(identity: number, index: number): void {
    if (this.#closed) return;
    setTimeout(() => {
      if (this.#closed) return;
      this.reconnects += 1;
      this.#connect(identity, index).then(
        () => this.#onRoom(),
        () => undefined, // `ended` of the failed connection tries again
      );
    }, RECONNECT_PAUSE_MS);
  }
}
