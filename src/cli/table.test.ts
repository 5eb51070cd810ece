import { describe, expect, it } from "vitest";
import { servedTable } from "./serve-table.ts";
import { table } from "./table.ts";

describe("a table", () => {
  it("has columns as wide as their widest cell", () => {
    expect(
      table(
        ["A", "LONG"],
        [
          ["wide cell", "x"],
          ["y", ""],
        ],
      ),
    ).toBe("A          LONG\n---------  ----\nwide cell  x\ny");
  });

  it("shows what would steer the terminal", () => {
    const printed = table(["A"], [["a\u001b[31m\nb\u009b"]]);
    expect(printed.split("\n")).toHaveLength(3);
    expect(printed).toContain("a\\u001b[31m\\u000ab\\u009b");
  });
});

describe("a table whose last cells are long", () => {
  it("has a short line under its head", () => {
    const [, rule = ""] = table(["FIELD", "VALUE"], [["banks", "x".repeat(5_000)]]).split("\n");
    expect(rule).toMatch(/^-{5} {2}-+$/);
    expect(rule.length).toBeLessThan(120);
  });
});

describe("the table of what is served", () => {
  it("says state, reason, instances and batch-invariance of every version", () => {
    const printed = servedTable([
      {
        model: "jets",
        version: "1",
        state: "READY",
        reason: "",
        instances: 2,
        batchInvariant: true,
      },
      {
        model: "tau",
        version: "",
        state: "",
        reason: "no file",
        instances: 0,
        batchInvariant: undefined,
      },
    ]);
    const [, , jets, tau] = printed.split("\n").map((line) => line.split(/ {2,}/));
    expect(jets).toEqual(["jets", "1", "READY", "2", "yes"]);
    expect(tau).toEqual(["tau", "-", "UNKNOWN", "0", "-", "no file"]);
  });

  it("says so when there is nothing", () => {
    expect(servedTable([])).toContain("No models");
  });
});
