/** The filling of a row whose sequence has no request now (Triton's null request): nobody waits for its answer. */
import type { SequenceMark } from "../inference/request.ts";
import { ENDED } from "./endings.ts";
import { type Entry, newEntry } from "./entry.ts";

const EMPTY: SequenceMark = { id: 0n, start: false, end: false, ready: false };

/** @param like a request of the same batch, whose tensors it repeats: the model must be able to run on them */
export function emptySlot({ request }: Entry): Entry {
  const nothing = { ...request, outputs: [], sequence: EMPTY, parameters: undefined };
  return newEntry(nothing, ENDED, 0);
}
