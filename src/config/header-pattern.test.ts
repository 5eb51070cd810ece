import { describe, expect, it } from "vitest";
import { patternProblem } from "./header-pattern.ts";

describe("a pattern for headers", () => {
  it.each(["", "x-.*", "^(x-auth|x-user)$", "(ab)+", "x-[a|b+]*", "(?:a|b)?", "x\\(a+\\)+"])(
    "%j is taken",
    (pattern) => {
      expect(patternProblem(pattern)).toBeUndefined();
    },
  );

  it.each([
    ["(a+)+$", "repeated group"],
    ["(a|a)*b", "repeated group"],
    ["((a*))*", "repeated group"],
    ["(x?){30}", "repeated group"],
    ["(?=a)b", "look-around"],
    ["(a)\\1", "look-around"],
    ["(", "Unterminated group"],
    ["a".repeat(513), "longer than 512"],
  ])("%j is refused: it could take for ever, or is no pattern at all", (pattern, reason) => {
    expect(patternProblem(pattern)).toContain(reason);
  });
});
