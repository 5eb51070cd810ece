import { describe, expect, it } from "vitest";
import { judge, type WatchedWorker } from "./watch.ts";

const limits = { executionTimeoutMs: 100, loadTimeoutMs: 1_000 };
const idle: WatchedWorker = { askedAt: undefined, headSince: undefined, pingedAt: undefined };
const at = (now: number, over: Partial<WatchedWorker>) => judge({ ...idle, ...over }, limits, now);

describe("the watch over a worker", () => {
  it.each([
    ["pings one that has nothing to do", 0, {}, "ping"],
    ["waits for the answer to the ping", 100, { pingedAt: 0 }, "fine"],
    ["gives an execution its time", 100, { headSince: 0 }, "fine"],
    ["gives a load its longer time", 1_000, { askedAt: 0 }, "fine"],
    ["waits for the answer to the ping before a load", 100, { askedAt: 0, pingedAt: 0 }, "fine"],
    [
      "gives a probe its time, whenever it was pinged",
      150,
      { askedAt: 100, askIsShort: true, pingedAt: 0 },
      "fine",
    ],
    ["does not blame a run that waits behind a load", 900, { askedAt: 0, headSince: 0 }, "fine"],
    ["does not blame a busy one for an old ping", 150, { headSince: 100, pingedAt: 0 }, "fine"],
  ] as const)("%s", (_, now, over, verdict) => {
    expect(at(now, over)).toBe(verdict);
  });

  it.each([
    ["silence", 101, { pingedAt: 0 }, "it gave no sign of life for 100 ms"],
    [
      "silence before a load",
      101,
      { askedAt: 50, pingedAt: 0 },
      "it gave no sign of life for 100 ms",
    ],
    ["an execution", 101, { headSince: 0 }, "one execution took longer than 100 ms"],
    ["a load", 1_001, { askedAt: 0 }, "a load took longer than 1000 ms"],
    ["a probe", 101, { askedAt: 0, askIsShort: true }, "a probe took longer than 100 ms"],
  ] as const)("ends %s that lasts too long, and says so", (_, now, over, killBecause) => {
    expect(at(now, over)).toEqual({ killBecause });
  });
});
