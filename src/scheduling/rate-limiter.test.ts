import { beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import type { Gate } from "../pool/lane.ts";
import { RateLimiter } from "./rate-limiter.ts";

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

const aLimiter = (available: Record<string, number> = {}) =>
  new RateLimiter({
    available: new Map(Object.entries(available)),
    later: (fire) => clock.soon(fire),
  });

const needs = (
  count: number,
  given: { name?: string; priority?: number; global?: boolean } = {},
) => {
  const { name = "R", priority = 1, global = false } = given;
  return { priority, resources: [{ name, global, count }] };
};

/** An instance that always has work, until it is told to rest. */
class Busy {
  readonly gate: Gate;
  running = false;
  runs = 0;
  resting = false;

  constructor(limiter: RateLimiter, instance: ReturnType<typeof needs>) {
    this.gate = limiter.join(instance, () => this.tryToRun());
  }

  tryToRun(): void {
    if (this.running || this.resting || !this.gate.open) return;
    this.gate.take();
    this.running = true;
    this.runs += 1;
  }

  end(): void {
    this.running = false;
    this.gate.give();
    this.tryToRun();
  }
}

describe("an execution that needs resources", () => {
  it("runs beside others as long as there are enough", () => {
    const limiter = aLimiter({ R: 4 });
    const [a, b, c] = [2, 2, 1].map((count) => new Busy(limiter, needs(count)));
    for (const each of [a, b, c]) each?.tryToRun();
    expect([a, b, c].map((each) => each?.running)).toEqual([true, true, false]);
  });

  it("starts when others gave back what it needs", async () => {
    const limiter = aLimiter({ R: 2 });
    const [a, b] = [new Busy(limiter, needs(2)), new Busy(limiter, needs(1))];
    a.tryToRun();
    b.tryToRun();
    a.resting = true;
    a.end();
    expect(b.running).toBe(false);
    await clock.advance(0);
    expect(b.running).toBe(true);
  });

  it("finds as many copies as one instance needs at most, where nobody says how many there are", () => {
    const limiter = aLimiter();
    const [large, one, other] = [3, 2, 1].map((count) => new Busy(limiter, needs(count)));
    one?.tryToRun();
    other?.tryToRun();
    large?.tryToRun();
    expect([large, one, other].map((each) => each?.running)).toEqual([false, true, true]);
  });

  it("does not wait for resources of other names", () => {
    const limiter = aLimiter();
    const [a, b] = [new Busy(limiter, needs(1)), new Busy(limiter, needs(1, { name: "S" }))];
    a.tryToRun();
    b.tryToRun();
    expect(b.running).toBe(true);
  });
});

describe("of instances that always have work", () => {
  it("one of priority 2 runs half as often as one of priority 1", async () => {
    const limiter = aLimiter();
    const [first, second] = [1, 2].map((priority) => new Busy(limiter, needs(1, { priority })));
    first?.tryToRun();
    second?.tryToRun();
    for (let i = 0; i < 300; i++) {
      [first, second].find((each) => each?.running)?.end();
      await clock.advance(0);
    }
    expect((first?.runs ?? 0) / (second?.runs ?? 1)).toBeCloseTo(2, 1);
  });

  it("one that needs much is not starved by those that need little", async () => {
    const limiter = aLimiter();
    const small = [1, 1].map((count) => new Busy(limiter, needs(count)));
    const large = new Busy(limiter, needs(2));
    for (const each of [...small, large]) each.tryToRun();
    for (let i = 0; i < 40; i++) {
      [...small, large].filter((each) => each.running)[i % 2]?.end();
      await clock.advance(0);
    }
    expect(large.runs).toBeGreaterThan(5);
  });

  it("one that lost interest stands in nobody's way", async () => {
    const limiter = aLimiter();
    const [a, b, c] = [1, 1, 5].map((priority) => new Busy(limiter, needs(1, { priority })));
    for (const each of [a, b, c]) each?.tryToRun();
    if (a && b) [a.resting, b.resting] = [true, true];
    a?.end();
    await clock.advance(0);
    expect(c?.running).toBe(true);
  });

  it("those of a model that goes give way", async () => {
    const limiter = aLimiter();
    const [a, b] = [new Busy(limiter, needs(2)), new Busy(limiter, needs(1))];
    a.tryToRun();
    b.tryToRun();
    a.resting = true;
    a.end();
    a.gate.leave();
    await clock.advance(0);
    expect(b.running).toBe(true);
  });
});

describe("an instance is refused", () => {
  it("that needs more than there is", () => {
    expect(() => aLimiter({ R: 1 }).check(needs(2))).toThrow(
      'Resource count for "R" is limited to 1 which will prevent scheduling of one or more model instances, the minimum required count is 2',
    );
  });

  it("that takes a resource of the device for one of the server", () => {
    const limiter = aLimiter();
    limiter.join(needs(1), () => {});
    expect(() => limiter.check(needs(1, { global: true }))).toThrow(
      'Resource "R" is present as both global and device-specific resource in the model configuration.',
    );
  });
});
