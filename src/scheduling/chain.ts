/**
 * A list from whose middle a member leaves in O(1).
 *
 *   first ⇄ link ⇄ link ⇄ last
 *
 * Not a Set, although that could do it: V8 chains the old tables of a Set that
 * grows and shrinks, with what they held, and under load those chains kept every
 * request alive until a full garbage collection (a quarter of the gateway's CPU
 * time). A link that left points nowhere.
 */

export interface Link<T> {
  value: T | undefined;
  previous: Link<T> | undefined;
  next: Link<T> | undefined;
}

export class Chain<T> {
  #first: Link<T> | undefined;
  #last: Link<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first?.value;
  }

  get last(): Link<T> | undefined {
    return this.#last;
  }

  /** @returns what `remove` needs. */
  append(value: T): Link<T> {
    return this.insertAfter(this.#last, value);
  }

  /**
   * @param previous of this chain; undefined: `value` becomes the first
   * @returns what `remove` needs.
   */
  insertAfter(previous: Link<T> | undefined, value: T): Link<T> {
    const next = previous === undefined ? this.#first : previous.next;
    const link: Link<T> = { value, previous, next };
    if (previous) previous.next = link;
    else this.#first = link;
    if (next) next.previous = link;
    else this.#last = link;
    this.#size += 1;
    return link;
  }

  /** @param link of this chain, and not removed before. */
  remove(link: Link<T>): void {
    const { previous, next } = link;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    link.value = undefined;
    link.previous = undefined;
    link.next = undefined;
    this.#size -= 1;
  }

  /** In order. A member may be removed once it was passed. */
  *[Symbol.iterator](): Generator<T, void> {
    let link = this.#first;
    while (link) {
      const { value, next } = link;
      if (value !== undefined) yield value;
      link = next;
    }
  }
}
