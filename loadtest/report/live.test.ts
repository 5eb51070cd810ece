import { describe, expect, it } from "vitest";
import { Latencies } from "../measure/latencies.ts";
import type { Merged } from "../runner/merge.ts";
import { Live } from "./live.ts";

function look(changes: Partial<Merged> = {}): Merged {
  const latency = new Latencies();
  for (let ms = 1; ms <= 100; ms++) latency.record(ms);
  const none = new Latencies();
  return {
    ...{ elapsedMs: 1000, cpuShare: 0, sent: 100, answered: 100, rows: 100, failures: new Map() },
    ...{ late: 0, held: 0, dropped: 0, inFlight: 3, bytesOut: 0, bytesIn: 0 },
    ...{ latency, service: none, lag: none },
    ...changes,
  };
}

function live(terminal: boolean) {
  let written = "";
  let now = 0;
  const shown = new Live({
    write: (text) => {
      written += text;
    },
    ...{ terminal, columns: () => 200, now: () => now },
  });
  return {
    shown,
    progress(label: string, afterMs: number, merged = look()) {
      now += afterMs;
      const about = { phase: "measuring" as const, label, elapsedMs: 5000, totalMs: 10_000 };
      shown.progress({ ...about, look: merged });
    },
    text: () => written.replaceAll("\u202f", " "),
  };
}

describe("what is seen of a run", () => {
  it("is one line in place on a terminal, gone when something is said", () => {
    const { shown, progress, text } = live(true);
    progress("a", 0);
    progress("a", 1000);
    shown.say("done");
    expect(text().split("\r\u001b[2K")).toHaveLength(4);
    expect(text()).toMatch(/████████░░░░░░░░ 5\/10 s {2}100 Hz {2}p50 50/);
    expect(text().endsWith("\r\u001b[2Kdone\n")).toBe(true);
  });

  it("is a line every five seconds elsewhere", () => {
    const { progress, text } = live(false);
    for (let i = 0; i < 12; i++) progress("a", 1000);
    expect(text().trimEnd().split("\n")).toHaveLength(3);
    expect(text()).not.toContain("\u001b");
  });

  it("tells failures and late sends as soon as there are some", () => {
    const { progress, text } = live(true);
    progress("a", 0, look({ failures: new Map([["no", 7]]), late: 5 }));
    expect(text()).toContain("7 failed  5.00 % late");
  });

  it("tells of every stream where several run", () => {
    const { progress, text } = live(true);
    progress("jets: 4 in flight", 0);
    progress("met: 2 in flight", 10);
    const last = text().split("\u001b[2K").at(-1);
    expect(last).toContain("jets: 4 in flight 100 Hz p99 99");
    expect(last).toContain("met: 2 in flight 100 Hz p99 99");
  });
});
