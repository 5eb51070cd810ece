/** The filling of a row whose sequence has no request now (Triton's null request): nobody waits for its answer. */
import type { SequenceMark } from "../inference/request.ts";
import { ENDED } from "./endings.ts";
import type { Entry } from "./queue.ts";

const EMPTY: SequenceMark = { id: 0n, start: false, end: false, ready: false };

/** @param like a request of the same batch, whose tensors it repeats: the model must be able to run on them */
export function emptySlot({ request }: Entry): Entry {
  return {
    request: { ...request, outputs: [], sequence: EMPTY, parameters: undefined },
    call: ENDED,
    level: 0,
    delayed: false,
    expiresAt: Number.POSITIVE_INFINITY,
    dueAt: 0,
    payer: undefined,
    deaths: 0,
    moves: 0,
    avoid: undefined,
    places: undefined,
  };
}
