/** A board given to one experiment for a time: only models of that experiment sit on it meanwhile. */

export interface Lease {
  /** Who has it. */
  readonly to: string;
  /** Names of models; `*` stands for any characters. */
  readonly models: readonly string[];
  /** `Clock.now` ms. */
  readonly untilMs: number;
}

/** True where a model may sit on a board under this lease. */
export function lends(lease: Lease | undefined, model: string): boolean {
  return lease === undefined || lease.models.some((pattern) => matches(pattern, model));
}

function matches(pattern: string, model: string): boolean {
  const [first = "", ...others] = pattern.split("*");
  if (!model.startsWith(first)) return false;
  if (others.length === 0) return model === first;
  const last = others.pop() ?? "";
  let at = first.length;
  for (const part of others) {
    const found = model.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return model.length - last.length >= at && model.endsWith(last);
}
