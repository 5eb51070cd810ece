/**
 * A pool of distinct requests that are sent in turn: encoding and generating cost
 * far more than sending. For each number of events a ring of its own, made as it is
 * needed, each request from random numbers of its own: what the others are does not
 * change it.
 */
import type { Random } from "../../models/make/random.ts";
import { randomFor } from "../arrivals/seed.ts";
import type { Intended, Payload, PayloadSource } from "../types.ts";

interface RingSettings {
  readonly describe: string;
  /** Distinct requests of each number of events. */
  readonly size: number;
  readonly seed: number;
  /** Keeps the random numbers of two sources apart. */
  readonly purpose: string;
  readonly make: (random: Random, events: number) => Omit<Payload, "key">;
}

/** All distinct requests together; a ring that would pass it stays as short as it is. */
const MOST_BYTES = 512 * 2 ** 20;

interface Ring {
  readonly payloads: Payload[];
  next: number;
  /** It grows no more. */
  closed: boolean;
}

export class RingSource implements PayloadSource {
  readonly describe: string;
  readonly pool: Payload[] = [];
  readonly #settings: RingSettings;
  readonly #rings = new Map<number, Ring>();
  #bytes = 0;

  constructor(settings: RingSettings) {
    this.#settings = settings;
    this.describe = `${settings.describe}; ${settings.size} distinct requests${settings.size === 1 ? "" : ", in turn"}`;
  }

  next({ events }: Intended): Payload {
    let ring = this.#rings.get(events);
    if (ring === undefined) {
      ring = { payloads: [], next: 0, closed: false };
      this.#rings.set(events, ring);
    }
    const { payloads } = ring;
    if (!ring.closed && payloads.length < this.#settings.size) {
      const made = this.#make(events, payloads.length);
      payloads.push(made);
      ring.closed = this.#bytes >= MOST_BYTES;
      return made;
    }
    const payload = payloads[ring.next] as Payload;
    ring.next = ring.next + 1 === payloads.length ? 0 : ring.next + 1;
    return payload;
  }

  #make(events: number, number: number): Payload {
    const { seed, purpose, make } = this.#settings;
    const random = randomFor(seed, `payload ${purpose} ${events} ${number}`);
    const payload = { ...make(random, events), key: this.pool.length };
    this.pool.push(payload);
    this.#bytes += payload.inputs.reduce((sum, { data }) => sum + data.byteLength, 0);
    return payload;
  }
}
