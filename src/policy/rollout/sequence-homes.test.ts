import { describe, expect, it } from "vitest";
import { SequenceHomes } from "./sequence-homes.ts";

const IDLE_MS = 1_000;
const begin = { start: true, end: false };
const goOn = { start: false, end: false };
const end = { start: false, end: true };

describe("a sequence", () => {
  it("stays with the version that it began with", () => {
    const homes = new SequenceHomes();
    expect(homes.of("a", begin, 0, IDLE_MS, () => "1")).toBe("1");
    expect(homes.of("a", goOn, 500, IDLE_MS, () => "2")).toBe("1");
    expect(homes.of("b", begin, 600, IDLE_MS, () => "2")).toBe("2");
    expect(homes.of("a", end, 700, IDLE_MS, () => "2")).toBe("1");
  });

  it("chooses anew when it begins again, or was silent for too long", () => {
    const homes = new SequenceHomes();
    homes.of("a", begin, 0, IDLE_MS, () => "1");
    expect(homes.of("a", begin, 10, IDLE_MS, () => "2")).toBe("2");
    expect(homes.of("a", goOn, 20 + IDLE_MS, IDLE_MS, () => "3")).toBe("3");
  });

  it("is forgotten when it ends or nobody speaks of it any more", () => {
    const homes = new SequenceHomes();
    homes.of("a", begin, 0, IDLE_MS, () => "1");
    homes.of("b", begin, 0, IDLE_MS, () => "1");
    homes.of("a", end, 100, IDLE_MS, () => "1");
    expect(homes.size).toBe(1);
    homes.of("c", begin, 5_000, IDLE_MS, () => "1");
    expect(homes.size).toBe(1);
  });
});
