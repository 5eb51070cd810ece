import { describe, expect, it } from "vitest";
import { chooseFailover } from "./failover.ts";
import type { VariantView } from "./variant-view.ts";

const u50: VariantView = {
  name: "u50",
  vendor: "xilinx",
  platform: "xilinx_u50",
  numericClass: "ap_fixed<16,6>",
  backend: "xilinx-u50",
  ready: true,
  allowed: true,
  fixedMs: 1,
  msPerRow: 0.01,
  queuedRows: 0,
  inFlightRows: 0,
  instances: 1,
};
const intel = { ...u50, name: "a10", vendor: "intel" };
const cpu = { ...u50, name: "cpu", vendor: "arm", numericClass: "float32" };
const rules = { sameClassAs: u50.numericClass, timeLeftMs: 100 };

describe("after a variant failed, a request", () => {
  it("goes to another of the same class, never to one that was tried", () => {
    expect(chooseFailover([cpu, u50, intel], ["u50"], 1, rules)).toBe(2);
    expect(chooseFailover([cpu, u50, intel], ["u50", "a10"], 1, rules)).toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining(
        'no other variant of numeric class "ap_fixed<16,6>" may take',
      ),
    });
  });

  it("goes to another class only where the model allows it and its own has none", () => {
    const anyClass = { ...rules, anyClass: true };
    expect(chooseFailover([cpu, u50], ["u50"], 1, anyClass)).toBe(0);
    const slower = { ...intel, fixedMs: 50 };
    expect(chooseFailover([cpu, u50, slower], ["u50"], 1, anyClass)).toBe(2);
    expect(chooseFailover([u50], ["u50"], 1, anyClass)).toMatchObject({
      message:
        '"u50" failed and no other variant may take its place; add a variant on other silicon',
    });
  });

  it("goes to the quickest that answers before the deadline", () => {
    const other = { ...u50, name: "u50b" };
    const busy = { ...intel, queuedRows: 5_000 };
    expect(chooseFailover([u50, busy, other], ["u50"], 1, rules)).toBe(2);
    expect(chooseFailover([u50, busy], ["u50"], 1, rules)).toBe(1);
    expect(chooseFailover([u50, busy], ["u50"], 1, { ...rules, timeLeftMs: 50 })).toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("within the 50 ms left until the deadline"),
    });
  });

  it("waits for one that is being loaded, if there is time and none serves", () => {
    const loading = { ...intel, ready: false, readyInMs: 60 };
    expect(chooseFailover([u50, loading], ["u50"], 1, rules)).toBe(1);
    expect(chooseFailover([u50, loading, { ...u50, name: "b" }], ["u50"], 1, rules)).toBe(2);
    expect(chooseFailover([u50, loading], ["u50"], 1, { ...rules, timeLeftMs: 60 })).toMatchObject({
      code: "UNAVAILABLE",
    });
  });

  it("takes one of unknown speed that is busy only when nothing presses", () => {
    const unknown = { ...intel, fixedMs: 0, msPerRow: 0, queuedRows: 5 };
    const noDeadline = { ...rules, timeLeftMs: Number.POSITIVE_INFINITY };
    expect(chooseFailover([u50, unknown], ["u50"], 1, noDeadline)).toBe(1);
    expect(chooseFailover([u50, unknown], ["u50"], 1, rules)).toMatchObject({
      code: "UNAVAILABLE",
    });
  });

  it("still gets what its client asked for, or is told how the others are", () => {
    const wish = { vendor: "intel" };
    const views = [u50, { ...u50, name: "b" }, intel];
    expect(chooseFailover(views, ["u50"], 1, { ...rules, wish })).toBe(2);
    expect(chooseFailover([u50, { ...intel, allowed: false }], ["u50"], 1, rules)).toMatchObject({
      message:
        'no variant but "u50", which failed, serves now: ' +
        "a10 (its devices failed and are being probed); send the request again later",
    });
  });
});
