/**
 * What the guarded side of a lease decides. A lease of Redis alone guards nothing: its holder may have been
 * paused since it looked at its clock, and a Redis that failed over may have given the same counter twice.
 */
export interface Ticket {
  /** Of the lease; grows with every new holder. */
  readonly counter: number;
  readonly owner: string;
}

/** older: a later holder was here; taken: the counter was given to another owner, too. */
export type Verdict = "pass" | "older" | "taken";

/** @param newest the newest that passed; undefined: none did */
export function judge(newest: Ticket | undefined, offered: Ticket): Verdict {
  if (newest === undefined || offered.counter > newest.counter) return "pass";
  if (offered.counter < newest.counter) return "older";
  return offered.owner === newest.owner ? "pass" : "taken";
}
