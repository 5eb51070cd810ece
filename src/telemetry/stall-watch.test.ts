import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { StallWatch, type StallWatchParts } from "./stall-watch.ts";

/** A clock whose timers fire when the test says so, however late that is. */
function aClock() {
  let now = 0;
  let fire: (() => void) | undefined;
  const clock: StallWatchParts["clock"] = {
    now: () => now,
    after(_delayMs, called) {
      fire = called;
      return () => {
        fire = undefined;
      };
    },
  };
  return {
    clock,
    get armed() {
      return fire !== undefined;
    },
    fireAt(ms: number) {
      now = ms;
      fire?.();
    },
  };
}

function figures(watch: StallWatch): Record<string, number> {
  return Object.fromEntries(
    watch.metrics().map(({ name, read }) => [name, [...read()][0]?.value ?? Number.NaN]),
  );
}

let running: StallWatch | undefined;
afterEach(() => running?.stop());

describe("an event loop that stood still", () => {
  it("is counted, summed up and logged once it turns again, and stays counted", () => {
    const timers = aClock();
    const logged: unknown[] = [];
    const watch = new StallWatch({
      clock: timers.clock,
      log: { warn: (_text, fields) => logged.push(fields) },
    });
    watch.start();
    timers.fireAt(120);
    timers.fireAt(120 + 100 + 1000);
    timers.fireAt(1220 + 100 + 400);
    for (let reading = 0; reading < 2; reading += 1) {
      expect(figures(watch)).toEqual({
        beamgate_event_loop_stalls_total: 2,
        beamgate_event_loop_stalled_seconds_total: 1.4,
        beamgate_event_loop_longest_stall_seconds: 1,
      });
    }
    expect(logged).toEqual([{ ms: 1000 }, { ms: 400 }]);
    watch.stop();
    expect(timers.armed).toBe(false);
  });

  it("is not told of where timers are a little late", () => {
    const timers = aClock();
    const watch = new StallWatch({ clock: timers.clock, log: { warn: expect.fail } });
    watch.start();
    for (const at of [100, 440, 780]) timers.fireAt(at);
    expect(figures(watch)["beamgate_event_loop_stalls_total"]).toBe(0);
  });

  it("for a second is in the metrics within a second of its end", async () => {
    const watch = new StallWatch({ clock: systemClock, log: { warn: () => undefined } });
    running = watch;
    watch.start();
    await sleep(150);
    const before = figures(watch)["beamgate_event_loop_stalled_seconds_total"] ?? 0;
    const end = performance.now() + 1000;
    while (performance.now() < end);
    expect(figures(watch)["beamgate_event_loop_stalled_seconds_total"]).toBe(before);
    // A timer of 200 ms finds it there.
    await sleep(200);
    const after = figures(watch);
    const grown = (after["beamgate_event_loop_stalled_seconds_total"] ?? 0) - before;
    expect(grown).toBeGreaterThan(0.85);
    expect(after["beamgate_event_loop_longest_stall_seconds"]).toBeGreaterThan(0.85);
  });
});
