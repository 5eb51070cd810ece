/**
 * A request that is all that waits of its tenant for its model: it is in no line. Most queues are that short, and
 * there may be one for each tenant of each model.
 */
import { Chain } from "./chain.ts";
import type { Entry, Places } from "./entry.ts";
import type { Levels } from "./levels.ts";
import { indexOfLine, type Mates } from "./queue.ts";

/** The places of a request that waits alone. */
export const ALONE: Places = {
  inLine: { value: undefined, previous: undefined, next: undefined },
  peers: new Chain(),
  amongPeers: { value: undefined, previous: undefined, next: undefined },
};

/** Nobody shares a batch with it. */
export class NoMates implements Mates {
  #head: Entry | undefined;

  constructor(head: Entry) {
    this.#head = head;
  }

  next(): Entry | undefined {
    const head = this.#head;
    this.#head = undefined;
    return head;
  }
}

/** It may share a batch of this key. */
export function joins({ request }: Entry, batchKey: string): boolean {
  return !request.alone && request.batchKey === batchKey;
}

/** See `RequestQueue.rowsBefore`. */
export function rowsBefore(lone: Entry, levels: Levels, priority: number, due: number): number {
  const line = levels.of(priority) * 2;
  const at = indexOfLine(lone);
  const before = at < line || (at === line && due >= lone.dueAt);
  return before ? lone.request.rows : 0;
}
