/** What a stream waits for, in order. */
import type { StreamItem } from "./stream-call.ts";

/** Items in the order of appending, each of which may leave from the middle. */
export class ItemList {
  first: StreamItem | undefined = undefined;
  /** Requests in it. */
  size = 0;
  #last: StreamItem | undefined = undefined;

  append(item: StreamItem): void {
    item.previous = this.#last;
    if (this.#last) this.#last.next = item;
    else this.first = item;
    this.#last = item;
    this.size += item.count;
  }

  remove(item: StreamItem): void {
    const { previous, next } = item;
    if (previous) previous.next = next;
    else this.first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    item.previous = undefined;
    item.next = undefined;
    this.size -= item.count;
  }

  /** Tells whoever works on them that nobody waits any more, and forgets them. */
  cancel(): void {
    let item = this.first;
    this.first = undefined;
    this.#last = undefined;
    this.size = 0;
    while (item) {
      const { next, onCancel } = item;
      item.previous = undefined;
      item.next = undefined;
      item.onCancel = undefined;
      onCancel?.();
      item = next;
    }
  }
}
