import { describe, expect, it } from "vitest";
import { chooseWorker } from "./choose-worker.ts";

const worker = (name: string, busyShare: number, size: number) => ({
  name,
  busyShare,
  instances: { size },
});

describe("a model that must share a worker", () => {
  it("goes to the least busy one, however many models are there", () => {
    const busy = worker("busy", 0.9, 1);
    const crowded = worker("crowded", 0.1, 30);
    expect(chooseWorker([busy, crowded])).toBe(crowded);
  });

  it("goes where the fewest models are when all are about as busy", () => {
    const three = worker("three", 0.01, 3);
    const two = worker("two", 0.02, 2);
    expect(chooseWorker([three, two])).toBe(two);
  });

  it("goes nowhere when there is no worker", () => {
    expect(chooseWorker([])).toBeUndefined();
  });
});
