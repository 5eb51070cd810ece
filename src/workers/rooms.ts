/**
 * The rooms of one instance in one worker: lent out, grown on demand, shrunk
 * when a large batch is over. Where the system gives no shared memory a room is
 * plain memory, and its content travels through the channel.
 */
import { Slab } from "./slab.ts";
import type { Room } from "./types.ts";
import type { RoomWords } from "./words.ts";

/** Rooms are this large at first and never shrink below. Enough for 1 000 rows of 16 numbers. */
const START_BYTES = 64 * 1024;

/** One place to be lent out. */
interface Seat {
  readonly id: number;
  /** undefined: plain memory, made anew as needed. */
  readonly slab: Slab | undefined;
  bytes: Buffer;
  /** Largest use in this period and in the one before. */
  largestBytes: number;
  formerLargestBytes: number;
  taken: boolean;
}

/** A room as lent to the scheduler. `INLINE` ones are `plain`. */
export class LentRoom implements Room {
  readonly bytes: Buffer;
  readonly id: number;
  readonly rooms: Rooms;
  /** Not shared with the worker: the content must be sent. */
  readonly plain: boolean;
  #held = true;

  constructor(rooms: Rooms, id: number, bytes: Buffer, plain: boolean) {
    this.rooms = rooms;
    this.id = id;
    this.bytes = bytes;
    this.plain = plain;
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.rooms.takeBack(this.id);
  }
}

export class Rooms {
  readonly #seats: Seat[] = [];
  /** Ids of free seats; the one used last is on top, its memory is still in the caches. */
  readonly #free: number[] = [];
  #closed = false;

  /** `folder` undefined: plain memory only. @throws where the folder has no room left. */
  constructor(count: number, folder: string | undefined) {
    try {
      for (let id = 0; id < count; id++) {
        this.#seats.push(newSeat(id, folder === undefined ? undefined : startSlab(folder)));
        this.#free.push(id);
      }
    } catch (cause) {
      this.close();
      throw cause;
    }
  }

  /** What the worker must open. */
  get words(): readonly RoomWords[] {
    return this.#seats.flatMap(({ id, slab }) => (slab ? [{ id, path: slab.path }] : []));
  }

  /** After the worker opened them. */
  unlink(): void {
    for (const seat of this.#seats) seat.slab?.unlink();
  }

  lend(byteLength: number): LentRoom | undefined {
    if (this.#closed) return undefined;
    const id = this.#free.pop();
    const seat = id === undefined ? undefined : this.#seats[id];
    if (seat === undefined) return undefined;
    seat.taken = true;
    seat.largestBytes = Math.max(seat.largestBytes, byteLength);
    const shared = this.#grow(seat, byteLength);
    return new LentRoom(this, seat.id, shared ?? Buffer.allocUnsafeSlow(byteLength), !shared);
  }

  takeBack(id: number): void {
    const seat = this.#seats[id];
    if (seat === undefined) return;
    seat.taken = false;
    if (this.#closed) seat.slab?.close();
    else this.#free.push(id);
  }

  /** Called now and then: gives memory back that was not needed for a whole period. */
  shrink(): void {
    for (const seat of this.#seats) {
      const needed = Math.max(START_BYTES, seat.largestBytes, seat.formerLargestBytes);
      if (!seat.taken && seat.slab && seat.slab.committedBytes > 2 * needed) {
        seat.slab.shrink(roundUp(needed));
        seat.bytes = Buffer.from(seat.slab.view(seat.slab.committedBytes));
      }
      seat.formerLargestBytes = seat.largestBytes;
      seat.largestBytes = 0;
    }
  }

  /** Free rooms go now, lent ones when they come back. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#free.length = 0;
    for (const seat of this.#seats) {
      seat.slab?.unlink();
      if (!seat.taken) seat.slab?.close();
    }
  }

  /** undefined where the system has no more shared memory: plain memory serves as well, only slower. */
  #grow(seat: Seat, byteLength: number): Buffer | undefined {
    if (seat.slab === undefined) return undefined;
    if (byteLength <= seat.bytes.length) return seat.bytes;
    try {
      const sizeBytes = roundUp(byteLength);
      seat.slab.commit(sizeBytes);
      seat.bytes = Buffer.from(seat.slab.view(sizeBytes));
      return seat.bytes;
    } catch {
      return undefined;
    }
  }
}

function newSeat(id: number, slab: Slab | undefined): Seat {
  const bytes = slab ? Buffer.from(slab.view(START_BYTES)) : Buffer.alloc(0);
  return { id, slab, bytes, largestBytes: 0, formerLargestBytes: 0, taken: false };
}

function startSlab(folder: string): Slab {
  const slab = Slab.create(folder);
  try {
    slab.commit(START_BYTES);
    return slab;
  } catch (cause) {
    slab.close();
    throw cause;
  }
}

/** Doubling, so that growing requests do not map anew each time; beyond 64 MiB in steps of that. */
function roundUp(sizeBytes: number): number {
  const step = 64 * 2 ** 20;
  if (sizeBytes >= step) return Math.ceil(sizeBytes / step) * step;
  return Math.max(START_BYTES, 2 ** Math.ceil(Math.log2(sizeBytes)));
}
