/**
 * Places of a row of tenants, the one with the smallest tag first, then the next. Filled once, then emptied from
 * the top as far as anybody wants to know: a heap, in numbers that lie side by side and are written over each time.
 */

/** Places for which there is room from the start. */
const ROOM = 64;

export class LeastFirst {
  #keys = new Float64Array(ROOM);
  #places = new Int32Array(ROOM);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The tag of the place that `take` gives. */
  get least(): number {
    return this.#keys[0] as number;
  }

  /**
   * Forgets what it had.
   * @param members at place 0, 1, …
   * @param tags by member
   */
  fill(members: readonly number[], tags: readonly number[]): void {
    const { length } = members;
    if (length > this.#keys.length) {
      this.#keys = new Float64Array(2 * length);
      this.#places = new Int32Array(2 * length);
    }
    const [keys, places] = [this.#keys, this.#places];
    for (let at = 0; at < length; at += 1) {
      keys[at] = tags[members[at] as number] as number;
      places[at] = at;
    }
    this.#size = length;
    for (let at = (length >> 1) - 1; at >= 0; at -= 1) {
      this.#sink(at, keys[at] as number, places[at] as number);
    }
  }

  /** Takes out the place with the smallest tag. There is one. */
  take(): number {
    const [keys, places] = [this.#keys, this.#places];
    const first = places[0] as number;
    this.#size -= 1;
    this.#sink(0, keys[this.#size] as number, places[this.#size] as number);
    return first;
  }

  #sink(from: number, key: number, place: number): void {
    const [keys, places, size] = [this.#keys, this.#places, this.#size];
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && (keys[child + 1] as number) < (keys[child] as number)) child += 1;
      if ((keys[child] as number) >= key) break;
      keys[at] = keys[child] as number;
      places[at] = places[child] as number;
      at = child;
    }
    keys[at] = key;
    places[at] = place;
  }
}
