import { describe, expect, it } from "vitest";
import { changedTerms, shownTerm, TERMS, type Term, whyNoTerm } from "./terms.ts";

const shown = { weight: 2, guarantee: 0.25, quota: { rowsPerSecond: 1000 } };

const typed = (more: Partial<Record<Term, string>>) =>
  new Map(TERMS.map(({ term }) => [term, more[term] ?? shownTerm(shown, term)]));

describe("a term that is typed", () => {
  it.each<[Term, string]>([
    ["rowsPerSecond", "10k"],
    ["rowsPerSecond", "1,000"],
    ["bytesPerSecond", "Infinity"],
    ["weight", "heavy"],
    ["weight", ""],
    ["guarantee", " "],
  ])("is refused where it is no number: %s %j", (term, text) => {
    expect(whyNoTerm(term, text)).toContain(`'${text}' is no number`);
  });

  it.each<[Term, string]>([
    ["rowsPerSecond", "10000"],
    ["rowsPerSecond", " 2.5e6 "],
    ["rowsPerSecond", ""],
    ["weight", "3"],
    // That it is too much the gateway says.
    ["guarantee", "7"],
  ])("is taken where it is one, or where an empty limit is none: %s %j", (term, text) => {
    expect(whyNoTerm(term, text)).toBe("");
  });
});

describe("a change of terms", () => {
  it("names what was changed, and leaves the rest to the file", () => {
    expect(changedTerms(shown, typed({ weight: "3" }))).toEqual({ weight: 3 });
    expect(changedTerms(shown, typed({ bytesPerSecond: "5" }))).toEqual({
      quota: { bytesPerSecond: 5 },
    });
  });

  it("takes a limit away where its field was emptied", () => {
    expect(changedTerms(shown, typed({ rowsPerSecond: "", guarantee: "0" }))).toEqual({
      guarantee: 0,
      quota: { rowsPerSecond: null },
    });
  });

  it("is none where nothing was changed", () => {
    expect(changedTerms(shown, typed({ weight: " 2 " }))).toBeUndefined();
  });
});
