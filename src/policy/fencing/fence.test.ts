import { expect, it } from "vitest";
import { judge } from "./fence.ts";

const newest = { counter: 5, owner: "a" };

it.each([
  [undefined, 1, "b", "pass"],
  [newest, 6, "b", "pass"],
  [newest, 5, "a", "pass"],
  [newest, 5, "b", "taken"],
  [newest, 4, "a", "older"],
  [newest, 4, "b", "older"],
] as const)("after %j, counter %i of %s: %s", (before, counter, owner, verdict) => {
  expect(judge(before, { counter, owner })).toBe(verdict);
});
