/** Hands requests that cannot be served here to whoever else might serve them. */
import type { InferCall, InferRequest } from "../inference/request.ts";
import { ENDED } from "./endings.ts";
import type { Entry } from "./entry.ts";

/**
 * Takes a request over that cannot be served by this variant.
 * @param error what its execution failed with; undefined: it has only waited
 * @returns false: nobody else may serve it, and nothing was done
 */
export type Rescue = (request: InferRequest, call: InferCall, error: unknown) => boolean;

export class Rescuer {
  readonly #rescue: Rescue | undefined;

  /** @param rescue absent: there is nobody else */
  constructor(rescue: Rescue | undefined) {
    this.#rescue = rescue;
  }

  /** @returns those that nobody else took */
  left(entries: readonly Entry[], error: unknown): readonly Entry[] {
    if (this.#rescue === undefined) return entries;
    return entries.filter((entry) => !this.rescued(entry, error));
  }

  /** @returns true: somebody else has it now */
  rescued(entry: Entry, error: unknown): boolean {
    const { request, call } = entry;
    if (this.#rescue === undefined || call.cancelled) return false;
    const { onCancel } = call;
    const { dispatched } = call.timeline;
    call.timeline.dispatched = 0;
    if (this.#rescue(request, call, error)) {
      entry.call = ENDED;
      return true;
    }
    call.onCancel = onCancel;
    call.timeline.dispatched = dispatched;
    return false;
  }
}
