import { describe, expect, it } from "vitest";
import { DEFAULT_PATIENCE as patience } from "./options.ts";
import { type Incoming, SlowClientWatch } from "./slow-client-watch.ts";

/** Looks once a second at a sender of so many bytes per second. @returns the second of the verdict. */
function watchSender(bytesPerSecond: number, incoming: Partial<Incoming> = {}, seconds = 60) {
  const watch = new SlowClientWatch();
  for (let second = 1; second <= seconds; second++) {
    const receivedBytes = second * bytesPerSecond;
    const facts = {
      number: 0,
      receivedBytes,
      lengthBytes: 1e9,
      scarce: true,
      offences: 0,
      ...incoming,
    };
    if (watch.slowSender(second * 1000, facts, patience)) return second;
  }
  return undefined;
}

describe("a sender", () => {
  it("below 64 kB/s is given up after 5 s when others wait", () => {
    expect(watchSender(60_000)).toBe(6);
    expect(watchSender(0)).toBe(4);
    expect(watchSender(66_000)).toBeUndefined();
  });

  it("that was slow before is given up sooner", () => {
    expect(watchSender(1_000, { offences: 1 })).toBe(4);
    expect(watchSender(0, { offences: 9 })).toBe(2);
  });

  it("may be slow, but not silent, when nobody waits", () => {
    expect(watchSender(10, { scarce: false })).toBeUndefined();
    expect(watchSender(0, { scarce: false })).toBe(31);
  });

  it("that does not begin its message or end its call is given up after 30 s of silence", () => {
    const watch = new SlowClientWatch();
    const silent = (second: number, messages: number) =>
      watch.silentSender(second * 1000, messages, patience);
    expect(silent(1, 0)).toBeUndefined();
    expect(silent(30, 0)).toBeUndefined();
    expect(silent(30.5, 1)).toBeUndefined();
    expect(silent(60, 1)).toBeUndefined();
    expect(silent(61, 1)).toMatch(/nothing came for 30500 ms/);
  });

  it("that began fast and then stopped is found all the same", () => {
    const watch = new SlowClientWatch();
    const look = (second: number) => {
      const receivedBytes = Math.min(second, 10) * 4_000_000;
      const facts = { number: 0, receivedBytes, lengthBytes: 1e9, scarce: true, offences: 0 };
      return watch.slowSender(second * 1000, facts, patience);
    };
    const verdicts = Array.from({ length: 25 }, (_, second) => look(second + 1));
    const found = verdicts.findIndex((verdict) => verdict !== undefined) + 1;
    expect(found).toBeGreaterThan(10);
    expect(found).toBeLessThan(22);
    expect(verdicts[found - 1]).toContain("40000000 of 1000000000 in all");
  });

  it("is judged anew with every message", () => {
    const watch = new SlowClientWatch();
    for (let second = 1; second < 40; second++) {
      const facts = { number: second, receivedBytes: 1, lengthBytes: 9, scarce: true, offences: 0 };
      expect(watch.slowSender(second * 1000, facts, patience)).toBeUndefined();
    }
  });
});

describe("a reader", () => {
  it("that takes nothing for 30 s is given up; one that takes little is not", () => {
    const stalled = new SlowClientWatch();
    const slow = new SlowClientWatch();
    const verdicts = Array.from({ length: 40 }, (_, i) => i + 1).map((second) => [
      stalled.stalledReader(second * 1000, 5, patience),
      slow.stalledReader(second * 1000, Math.floor(second / 10), patience),
    ]);
    expect(verdicts.findIndex(([verdict]) => verdict)).toBe(30);
    expect(verdicts.every(([, verdict]) => !verdict)).toBe(true);
  });
});
