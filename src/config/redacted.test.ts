import { describe, expect, it } from "vitest";
import { loadConfig } from "./load.ts";
import { redacted } from "./redacted.ts";

describe("a value that is shown", () => {
  it.each([
    ["redis://u:p@h:1/0", "redis://u:(redacted)@h:1/0"],
    ["rediss://:p@ss@h", "rediss://:(redacted)@h"],
    ["https://h:8000/a@b", "https://h:8000/a@b"],
    ["redis://u@h", "redis://u@h"],
    ["x:y@z", "x:y@z"],
  ])("%s is %s", (value, shown) => expect(redacted(value)).toBe(shown));

  it("hides what stands under a telling name, at any depth", () => {
    const value = [{ options: { password: "p", urls: ["a://b:c@d"], n: 1 } }];
    const shown = [{ options: { password: "(redacted)", urls: ["a://b:(redacted)@d"], n: 1 } }];
    expect(redacted(value)).toEqual(shown);
  });
});

describe("an error of the configuration", () => {
  const problemOf = (flag: string, value: string) => {
    try {
      loadConfig({ flags: new Map([[flag, [value]]]), env: {}, file: undefined });
      return "";
    } catch (thrown) {
      return String(thrown);
    }
  };

  it("says what is wrong with an address, and not the password in it", () => {
    const problem = problemOf("redis-url", "redis://u:canary@h");
    expect(problem).toContain("redis://u:(redacted)@h");
    expect(problem).not.toContain("canary");
  });
});
