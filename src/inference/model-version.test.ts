import { describe, expect, it } from "vitest";
import { parseModelVersion } from "./model-version.ts";

describe("the version a client names", () => {
  it.each([
    ["", ""],
    ["1", "1"],
    ["0", "0"],
    ["007", "7"],
    ["1abc", "1"],
    [" \t+12", "12"],
    ["-0", "0"],
    ["1.5", "1"],
    ["9223372036854775807", "9223372036854775807"],
    ["00000000000000000000000000000000000003", "3"],
  ])("%j means %j", (text, version) => {
    expect(parseModelVersion(text)).toBe(version);
  });

  it.each(["abc", " ", "+", "- 1", "9223372036854775808", "9".repeat(100_000)])(
    "%.20j is no number that fits",
    (text) => {
      expect(() => parseModelVersion(text)).toThrow(
        `failed to get model version from specified version string '${text}' (details: stol), version should be an integral value > 0`,
      );
    },
  );

  it.each(["-1", "-9223372036854775808"])("%j is negative", (text) => {
    expect(() => parseModelVersion(text)).toThrow(
      `invalid model version specified '${text}' , version should be an integral value > 0`,
    );
  });
});
