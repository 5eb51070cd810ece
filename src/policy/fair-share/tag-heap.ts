/**
 * Who has the smallest tag. A heap whose members' tags may only grow: it hears of that when a member
 * comes to its top, so a tag grows at no cost, wherever else the member is listed.
 */

export interface Tagged {
  /** Never falls while it is a member. */
  readonly tag: number;
}

export class TagHeap<T extends Tagged> {
  readonly #members: T[] = [];
  /** The tag by which each lies where it lies: at most its tag of today. */
  readonly #keys: number[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** The member with the smallest tag. */
  get first(): T | undefined {
    for (;;) {
      const first = this.#members[0];
      if (first === undefined || first.tag === this.#keys[0]) return first;
      this.#sink(0, first, first.tag);
    }
  }

  add(member: T): void {
    const key = member.tag;
    let at = this.#members.length;
    this.#members.push(member);
    this.#keys.push(key);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#keyAt(parent) <= key) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#members[at] = member;
    this.#keys[at] = key;
  }

  /** Takes `first` out. */
  takeFirst(): T | undefined {
    const { first } = this;
    const last = this.#members.pop();
    const key = this.#keys.pop();
    if (this.#members.length > 0 && last !== undefined && key !== undefined) {
      this.#sink(0, last, key);
    }
    return first;
  }

  #sink(from: number, member: T, key: number): void {
    const { length } = this.#members;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#keyAt(child + 1) < this.#keyAt(child)) child += 1;
      if (this.#keyAt(child) >= key) break;
      this.#move(child, at);
      at = child;
    }
    this.#members[at] = member;
    this.#keys[at] = key;
  }

  #keyAt(at: number): number {
    return this.#keys[at] ?? Number.POSITIVE_INFINITY;
  }

  #move(from: number, to: number): void {
    this.#members[to] = this.#members[from] as T;
    this.#keys[to] = this.#keyAt(from);
  }
}
