/**
 * Names of filling schemes as the LHC Programme Coordination gives them:
 * `{spacing}_{bunches}b_{IP1/5}_{IP2}_{IP8}_{train length}bpi_{injections}inj_...`
 * (lpc.web.cern.ch, "Filling Schemes"). The counts in a name check a file.
 */

export interface LpcName {
  /** `25ns`, `50ns`, `8b4e`, `Single`, ... */
  readonly spacing: string;
  /** Per beam. */
  readonly bunches: number;
  readonly ip15: number;
  readonly ip2: number;
  readonly ip8: number;
}

/** @returns undefined for a name of another form; such schemes are used unchecked */
export function parseLpcName(name: string): LpcName | undefined {
  const found = /^([A-Za-z0-9]+)_(\d+)b(?:\+[^_]*)?_(\d+)_(\d+)_(\d+)(?:_|$)/.exec(name);
  if (found === null) return undefined;
  const [, spacing = "", ...counts] = found;
  const [bunches = 0, ip15 = 0, ip2 = 0, ip8 = 0] = counts.map(Number);
  return { spacing, bunches, ip15, ip2, ip8 };
}
