import { describe, expect, it } from "vitest";
import { parseTimeoutMs } from "./deadline.ts";

describe("a grpc-timeout header", () => {
  it.each([
    ["1H", 3_600_000],
    ["8000H", 28_800_000_000],
    ["99999999H", 359_999_996_400_000],
    ["2M", 120_000],
    ["3S", 3_000],
    ["250m", 250],
    ["999u", 0.999],
    ["900000n", 0.9],
    ["0n", 0],
    ["00000001m", 1],
  ])("%s is %d ms", (header, timeoutMs) => {
    expect(parseTimeoutMs(header)).toBeCloseTo(timeoutMs, 9);
  });

  it.each(["", "m", "5", "5 m", "5s", "-5m", "1.5S", "123456789m", "5mm", "5m,6m", "Infinity"])(
    "%j is none",
    (header) => {
      expect(parseTimeoutMs(header)).toBeUndefined();
    },
  );
});
