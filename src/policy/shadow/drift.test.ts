import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DriftRules, driftOf, type ShadowCounts } from "./drift.ts";
import { DriftWindow } from "./drift-window.ts";

const elements: DriftRules = { minRows: 100, allowedFailing: 0, maxAcceptedDifference: 0 };
const physics: DriftRules = { minRows: 100, allowedFailing: 0.02, maxAcceptedDifference: 1 };
const counts = (given: Partial<ShadowCounts>): ShadowCounts => ({
  rows: 1000,
  failing: 0,
  accepted: 0,
  liveAccepted: 0,
  ...given,
});

describe("an artifact that computes live requests once more", () => {
  it.each([
    ["all is well", elements, {}, false],
    ["two rows of a thousand fail", elements, { failing: 2 }, false],
    ["three rows of a thousand fail", elements, { failing: 3 }, true],
    ["all fail, but there are few", elements, { rows: 99, failing: 99 }, false],
    ["all of enough rows fail", elements, { rows: 100, failing: 100 }, true],
    ["as many decisions flip as may", physics, { failing: 20 }, false],
    ["some more flip, as may happen by chance", physics, { failing: 35 }, false],
    ["far more flip", physics, { failing: 60 }, true],
    ["all flip", physics, { rows: 100, failing: 100 }, true],
  ])("when %s", (_, rules, given, drifted) => {
    expect(driftOf(counts(given), rules) !== undefined).toBe(drifted);
  });

  it("says what it saw", () => {
    expect(driftOf(counts({ rows: 250, failing: 40 }), elements)).toBe(
      "40 of the newest 250 rows of live requests are outside its class (allowed is a share of 0)",
    );
  });

  it("may accept another share of the rows, as far as its class allows", () => {
    const rules = { minRows: 100, allowedFailing: 1, maxAcceptedDifference: 0.05 };
    const accepting = (accepted: number, failing: number) =>
      driftOf(counts({ failing, accepted, liveAccepted: 500 }), rules);
    expect(accepting(500, 200)).toBeUndefined();
    expect(accepting(540, 40)).toBeUndefined();
    expect(accepting(600, 100)).toBeUndefined(); // may still be chance
    expect(accepting(800, 300)).toMatch(/^it accepts 800 of the newest 1000 rows/);
    expect(accepting(200, 300)).toMatch(/^it accepts 200 /);
  });

  it("is hardly ever given up by chance", () => {
    // Decisions flip as often as the class allows; asked after every batch of 10 000 rows.
    const rows = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: 1000,
      maxLength: 1000,
    });
    fc.assert(
      fc.property(rows, (drawn) => {
        const window = new DriftWindow(1000);
        for (const value of drawn) {
          const failing = value < physics.allowedFailing ? 1 : 0;
          window.add({ rows: 1, failing, accepted: 0, liveAccepted: 0 });
          const { counts: now } = window;
          // Draws of fast-check prefer the ends of a range: only what happened counts.
          if (now.failing <= now.rows * physics.allowedFailing) {
            expect(driftOf(now, physics)).toBeUndefined();
          }
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("the window of the newest rows", () => {
  it("forgets what is older, a tenth at a time", () => {
    const window = new DriftWindow(100);
    for (let row = 0; row < 1000; row++)
      window.add(counts({ rows: 1, failing: row < 500 ? 1 : 0 }));
    expect(window.counts).toEqual(counts({ rows: 100 }));
    window.add(counts({ rows: 1, failing: 1 }));
    expect(window.counts).toEqual(counts({ rows: 91, failing: 1 }));
  });
});
