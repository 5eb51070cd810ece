/**
 * Which tenant has the smallest tag. Members are indexes into an array of tags, which may only grow: the heap hears
 * of that when a member comes to its top, so a tag grows at no cost.
 * No object is touched to find out whose turn it is, only numbers that lie side by side.
 *
 * Tags of many members may have grown since the last question. Were that made good at once, a decision would look at
 * everybody. So `first` looks at a few, and takes the least of those at the top: a member with a small tag has a
 * small key, and is passed by each other one once at most.
 */

/** Members whose growth is made good by one question. */
const LOOKS = 4;
/** Root, children, grandchildren. */
const TOP = 7;
/** Of a heap without members. */
export const NOBODY = -1;

export class TagHeap {
  readonly #tags: readonly number[];
  readonly #members: number[] = [];
  /** The tag by which each lies where it lies: at most its tag of today. */
  readonly #keys: number[] = [];

  /** @param tags by member; a tag never falls while its member is in here */
  constructor(tags: readonly number[]) {
    this.#tags = tags;
  }

  get size(): number {
    return this.#members.length;
  }

  /** The member with the smallest tag, or `NOBODY`; where many tags grew since the last questions, one of the smallest. */
  get first(): number {
    for (let looks = 0; looks < LOOKS; looks += 1) {
      const first = this.#members[0];
      if (first === undefined) return NOBODY;
      const tag = this.#tagOf(first);
      if (tag === this.#keys[0]) return first;
      this.#sink(0, first, tag);
    }
    return this.#leastOfTop();
  }

  /** Brings it to the top. Keys stay where they are: each is still at most the tag of the member that is there. */
  #leastOfTop(): number {
    const members = this.#members;
    const top = Math.min(TOP, members.length);
    let at = 0;
    let least = this.#tagOf(members[0] as number);
    for (let other = 1; other < top; other += 1) {
      const tag = this.#tagOf(members[other] as number);
      if (tag < least) [least, at] = [tag, other];
    }
    const first = members[at] as number;
    members[at] = members[0] as number;
    members[0] = first;
    return first;
  }

  add(member: number): void {
    const key = this.#tagOf(member);
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

  /** Takes out what `first` has just named. */
  takeFirst(): void {
    const last = this.#members.pop();
    const key = this.#keys.pop();
    if (this.#members.length > 0 && last !== undefined && key !== undefined) {
      this.#sink(0, last, key);
    }
  }

  #sink(from: number, member: number, key: number): void {
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

  #tagOf(member: number): number {
    return this.#tags[member] as number;
  }

  #keyAt(at: number): number {
    return this.#keys[at] as number;
  }

  #move(from: number, to: number): void {
    this.#members[to] = this.#members[from] as number;
    this.#keys[to] = this.#keyAt(from);
  }
}
