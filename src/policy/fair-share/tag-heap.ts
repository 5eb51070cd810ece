/**
 * Who has the smallest tag. A heap whose members' tags may only grow: it hears of that when a member
 * comes to its top, so a tag grows at no cost, wherever else the member is listed.
 *
 * A tenant that waits in many models is listed in the heap of each, and what it is served in one makes its
 * tag grow in all. Were that made good at once, a decision would look at everybody. So `first` looks at a few,
 * and takes the least of those at the top: a member with a small tag has a small key, and is passed by each
 * other one once at most.
 */

export interface Tagged {
  /** Never falls while it is a member. */
  readonly tag: number;
}

/** Members whose growth is made good by one question. */
const LOOKS = 4;
/** Root, children, grandchildren. */
const TOP = 7;

export class TagHeap<T extends Tagged> {
  readonly #members: T[] = [];
  /** The tag by which each lies where it lies: at most its tag of today. */
  readonly #keys: number[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** The member with the smallest tag; where many tags grew since the last questions, one of the smallest. */
  get first(): T | undefined {
    for (let looks = 0; looks < LOOKS; looks += 1) {
      const first = this.#members[0];
      if (first === undefined || first.tag === this.#keys[0]) return first;
      this.#sink(0, first, first.tag);
    }
    return this.#leastOfTop();
  }

  /** Brings it to the top. Keys stay where they are: each is still at most the tag of the member that is there. */
  #leastOfTop(): T | undefined {
    const members = this.#members;
    const first = members[0];
    let [least, at] = [first, 0];
    for (let other = 1; other < TOP && other < members.length; other += 1) {
      const member = members[other];
      if (member !== undefined && least !== undefined && member.tag < least.tag) {
        [least, at] = [member, other];
      }
    }
    if (first !== undefined && least !== undefined) [members[at], members[0]] = [first, least];
    return least;
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

  /** Takes out what `first` has just named. */
  takeFirst(): void {
    const last = this.#members.pop();
    const key = this.#keys.pop();
    if (this.#members.length > 0 && last !== undefined && key !== undefined) {
      this.#sink(0, last, key);
    }
  }

  /** Takes out every member for which `keep` says false. */
  sift(keep: (member: T) => boolean): void {
    const kept = this.#members.filter(keep);
    this.#members.length = 0;
    this.#keys.length = 0;
    for (const member of kept) this.add(member);
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
