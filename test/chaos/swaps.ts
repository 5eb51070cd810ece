/** Swaps of a registered model's version under load: nobody notices, and nobody is answered by what is retired. */
import { type Cases, expect } from "../support/cases.ts";
import { type SwapFacts, swapUnderLoad } from "../support/swaps.ts";

const CLIENTS = 32;
/** Answers to unpinned clients between one swap and the next: 10 000 in all at the least. */
const BETWEEN = 200;
const SWAPS = 50;
const SHORT_SWAPS = 10;

export async function swaps(cases: Cases, short: boolean): Promise<void> {
  const count = short ? SHORT_SWAPS : SWAPS;
  const facts = await swapUnderLoad({ swaps: count, clients: CLIENTS, between: BETWEEN });
  const { unpinned, pinned, fewestBetween, byVersion } = facts;

  await cases.run(`${count} swaps of a version: no request fails`, () => {
    none(facts, "failed");
    expect(unpinned >= count * BETWEEN, `only ${unpinned} requests`);
    expect(fewestBetween >= 100, `only ${fewestBetween} requests between two swaps`);
    const all = unpinned + pinned;
    return `${all} requests of ${CLIENTS} clients, at least ${fewestBetween} unpinned between two swaps`;
  });
  await cases.run("no version answers after its retirement was acknowledged", () => {
    none(facts, "late");
    const shares = Object.entries(byVersion).map(([version, n]) => `version ${version}: ${n}`);
    expect(shares.length === 2, `only ${shares.join()} answered: nothing was swapped`);
    return shares.join(", ");
  });
  await cases.run("whoever is pinned to an artifact gets it, and every answer is right", () => {
    none(facts, "wrong");
    expect(pinned >= count * BETWEEN, `only ${pinned} requests were pinned`);
    return `${pinned} pinned`;
  });
}

function none(facts: SwapFacts, kind: "failed" | "late" | "wrong"): void {
  const found = facts[kind];
  expect(found.length === 0, `${found.length}: ${[...new Set(found)].slice(0, 5).join("; ")}`);
}
