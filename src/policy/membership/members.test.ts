import { describe, expect, it } from "vitest";
import { afterList, afterOutage, type Members } from "./members.ts";

const facts = (id: string) => ({ id, address: "", version: "", since: "" });
const both = afterList(new Map(), [facts("a"), facts("b")], 0, 1000);
const ids = (members: Members) => [...members.keys()].toSorted().join();

describe("a list that lacks a gateway", () => {
  it("is believed once it was so for the time to live", () => {
    const once = afterList(both, [facts("a")], 100, 1000);
    expect(ids(once)).toBe("a,b");
    expect(ids(afterList(once, [facts("a")], 1099, 1000))).toBe("a,b");
    expect(ids(afterList(once, [facts("a")], 1100, 1000))).toBe("a");
  });

  it("means nothing once the gateway is on a list again", () => {
    const back = afterList(afterList(both, [facts("a")], 100, 1000), [facts("b")], 500, 1000);
    expect(ids(afterList(back, [facts("a")], 1200, 1000))).toBe("a,b");
  });

  it("does not count the time without Redis", () => {
    const out = afterOutage(afterList(both, [facts("a")], 100, 1000));
    expect(ids(afterList(out, [facts("a")], 60_000, 1000))).toBe("a,b");
  });
});

it("takes what a gateway tells of itself from the newest list", () => {
  const moved = { ...facts("b"), address: "there:1" };
  expect(afterList(both, [moved], 1, 1000).get("b")?.facts.address).toBe("there:1");
});
