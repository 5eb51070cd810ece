import { expect, it } from "vitest";
import { lends } from "./lease.ts";

it.each([
  ["cms_*", "cms_jets", true],
  ["cms_*", "cms_", true],
  ["cms_*", "atlas_cms_", false],
  ["*_l1", "cms_l1", true],
  ["*_l1", "cms_l1_v2", false],
  ["a*b*c", "aXbYc", true],
  ["a*b*c", "ac", false],
  ["ab*b", "ab", false],
  ["*", "anything", true],
  ["jets", "jets", true],
  ["jets", "jets2", false],
])("a lease for %s and model %s: %s", (pattern, model, may) => {
  expect(lends({ to: "cms", models: [pattern], untilMs: 1 }, model)).toBe(may);
});

it("a board without a lease is everybody's", () => {
  expect(lends(undefined, "jets")).toBe(true);
});
