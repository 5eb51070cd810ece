import { describe, expect, it } from "vitest";
import type { Clock } from "./clock.ts";
import { Lifecycle, type Service } from "./lifecycle.ts";
import type { Logger } from "./logger.ts";

interface Story {
  readonly events: string[];
  readonly log: Logger;
  readonly clock: Clock & { advance(ms: number): Promise<void> };
  service(name: string, acts?: Partial<Service>): Service;
}

function story(): Story {
  const events: string[] = [];
  const note = (level: string) => (message: string, fields?: object) =>
    void events.push(
      `${level}: ${message}${fields === undefined ? "" : ` ${JSON.stringify(fields)}`}`,
    );
  return {
    events,
    log: { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") },
    clock: virtualClock(),
    service: (name, acts = {}) => ({
      name,
      start: async (signal) => {
        events.push(`start ${name}`);
        await acts.start?.(signal);
      },
      drain: async () => {
        events.push(`drain ${name}`);
        await acts.drain?.();
      },
      stop: async () => {
        events.push(`stop ${name}`);
        await acts.stop?.();
      },
      ...(acts.inFlight === undefined ? {} : { inFlight: acts.inFlight }),
    }),
  };
}

function virtualClock() {
  let now = 0;
  const timers: { at: number; fire: () => void }[] = [];
  return {
    now: () => now,
    after(delayMs: number, fire: () => void) {
      const timer = { at: now + delayMs, fire };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
    next: () => {},
    soon: (fire: () => void) => void setImmediate(fire),
    async advance(ms: number) {
      await turn();
      now += ms;
      for (const timer of timers.filter(({ at }) => at <= now)) {
        timers.splice(timers.indexOf(timer), 1);
        timer.fire();
      }
      await turn();
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const never = () => new Promise<void>(() => {});
const failing = (reason: string) => () => Promise.reject(new Error(reason));

describe("services that behave", () => {
  it("start in order, drain and stop in reverse", async () => {
    const { events, service } = story();
    const lifecycle = new Lifecycle([service("models"), service("grpc")]);
    await lifecycle.start();
    expect(lifecycle.state).toBe("ready");
    const stopped = lifecycle.stop();
    expect(lifecycle.state).toBe("draining"); // readiness turns false first
    await stopped;
    expect(lifecycle.state).toBe("stopped");
    expect(events).toEqual([
      "start models",
      "start grpc",
      "drain grpc",
      "drain models",
      "stop grpc",
      "stop models",
    ]);
  });

  it("can be started again", async () => {
    const { events, service } = story();
    const lifecycle = new Lifecycle([service("a")]);
    await lifecycle.start();
    await lifecycle.stop();
    await lifecycle.start();
    await lifecycle.stop();
    expect(events.filter((event) => event === "start a")).toHaveLength(2);
  });

  it("are stopped once by two calls at the same time", async () => {
    const { events, service } = story();
    const lifecycle = new Lifecycle([service("a")]);
    await lifecycle.start();
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    expect(events).toEqual(["start a", "drain a", "stop a"]);
  });

  it("cannot be started twice", async () => {
    const { service } = story();
    const lifecycle = new Lifecycle([service("a")]);
    await lifecycle.start();
    await expect(lifecycle.start()).rejects.toThrow("cannot start while ready");
    expect(lifecycle.state).toBe("ready");
  });
});

describe("a start that fails", () => {
  it("stops what was started, in reverse, even when one of them fails to stop", async () => {
    const { events, log, service } = story();
    const services = [
      service("a"),
      service("b", { stop: failing("b is stuck") }),
      service("c", { start: failing("port taken") }),
      service("d"),
    ];
    const lifecycle = new Lifecycle(services, { log });
    await expect(lifecycle.start()).rejects.toThrow("port taken");
    expect(lifecycle.state).toBe("failed");
    const steps = events.filter((event) => !event.startsWith("error"));
    expect(steps).toEqual(["start a", "start b", "start c", "stop b", "stop a"]);
    expect(events).toContainEqual(expect.stringContaining("error: b failed to stop"));
  });
});

describe("a stop during the start", () => {
  it("calls the start off and stops what was started", async () => {
    const { events, service } = story();
    const slow = service("slow", {
      start: (signal) =>
        new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
    });
    const lifecycle = new Lifecycle([service("a"), slow, service("z")]);
    const started = lifecycle.start();
    const refused = expect(started).rejects.toThrow("stopped before it had started");
    await turn();
    await lifecycle.stop();
    await refused;
    expect(lifecycle.state).toBe("stopped");
    expect(events).toEqual(["start a", "start slow", "stop slow", "stop a"]);
  });
});

describe("work that does not end", () => {
  it("is cut off at the deadline and named", async () => {
    const { events, log, clock, service } = story();
    const inFlight = () => Array.from({ length: 12 }, (_, i) => `request ${i}`);
    const services = [service("models"), service("grpc", { drain: never, inFlight })];
    const lifecycle = new Lifecycle(services, { log, clock });
    await lifecycle.start();
    const stopped = lifecycle.stop(1000);
    await clock.advance(999);
    expect(events.at(-1)).toBe("drain grpc");
    await clock.advance(1);
    await stopped;
    const warning = events.find((event) => event.startsWith("warn"));
    expect(warning).toMatch(/grpc did not finish in time.*"inFlight":12.*request 9"/);
    expect(events.slice(-3)).toEqual(["drain models", "stop grpc", "stop models"]);
  });

  it("leaves the rest of the deadline to the services behind it, not more", async () => {
    const { events, log, clock, service } = story();
    const services = [service("a", { drain: never }), service("b", { drain: never })];
    const lifecycle = new Lifecycle(services, { log, clock });
    await lifecycle.start();
    const stopped = lifecycle.stop(1000);
    await clock.advance(1000);
    await clock.advance(0);
    await stopped;
    expect(events.slice(-2)).toEqual(["stop b", "stop a"]);
  });
});

describe("a service that never stops", () => {
  it("is left behind with a line in the log", async () => {
    const { events, log, clock, service } = story();
    const services = [service("a"), service("b", { stop: never })];
    const lifecycle = new Lifecycle(services, { log, clock, stopTimeoutMs: 500 });
    await lifecycle.start();
    const stopped = lifecycle.stop(100);
    await clock.advance(500);
    await stopped;
    expect(events.slice(-3)).toEqual([
      "stop b",
      "error: b did not stop and is left behind",
      "stop a",
    ]);
  });
});

describe("a drain that fails", () => {
  it("does not keep the others from ending", async () => {
    const { events, log, service } = story();
    const thrower = (): never => {
      throw new Error("at once");
    };
    const services = [service("a"), service("b", { drain: thrower })];
    const lifecycle = new Lifecycle(services, { log });
    await lifecycle.start();
    await lifecycle.stop();
    expect(events.slice(-3)).toEqual(["drain a", "stop b", "stop a"]);
  });
});
