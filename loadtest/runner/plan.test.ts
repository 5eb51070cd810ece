import { describe, expect, it } from "vitest";
import type { Driver } from "../drivers/driver.ts";
import { type PooledRequest, planOf, pooledAt, shareOf } from "./plan.ts";

const pool = ["a", "b", "c"].map(
  (id, identity): PooledRequest => ({
    request: { model: "m", version: "", id, parameters: undefined, inputs: [], outputs: [] },
    rows: identity + 1,
    identity,
  }),
);
let prepared = 0;
const driver = {
  prepare(request: { readonly id: string }) {
    prepared += 1;
    return { bytes: request.id.charCodeAt(0) };
  },
} as unknown as Driver;

function all(index: number, of: number, times: Float64Array) {
  const plan = planOf({ pool, index, of, dueMs: shareOf(times, index, of) }, driver);
  const found: { number: number; dueMs: number; rows: number; bytes: number }[] = [];
  for (let next = plan.next(); next !== undefined; next = plan.next()) {
    const { number, dueMs, rows } = next;
    found.push({ number, dueMs, rows, bytes: next.prepared.bytes });
  }
  return found;
}

describe("a plan that generators share", () => {
  const times = Float64Array.from([0, 1, 2, 3, 5, 8, 13]);

  it("is the same whether one process or three carry it out", () => {
    const together = [0, 1, 2].flatMap((index) => all(index, 3, times));
    expect(together.sort((a, b) => a.number - b.number)).toEqual(all(0, 1, times));
  });

  it("sends the requests of the pool in turn, each encoded once", () => {
    prepared = 0;
    expect(
      all(0, 1, times)
        .map(({ bytes }) => String.fromCharCode(bytes))
        .join(""),
    ).toBe("abcabca");
    expect(prepared).toBe(3);
    expect([0, 1, 2, 3].map((number) => pooledAt(number, 3))).toEqual([0, 1, 2, 0]);
  });
});
