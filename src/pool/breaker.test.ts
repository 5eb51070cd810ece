import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BackendError } from "../../backends/contract.ts";
import { silent } from "../logger.ts";
import { WorkerLost } from "../workers/types.ts";
import { DeviceBreaker } from "./breaker.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const settings = {
  errorPercent: 50,
  leastExecutions: 2,
  windowMs: 10_000,
  probeAfterMs: 1_000,
};

function breaker(probe: () => Promise<void> = async () => {}) {
  const device = new DeviceBreaker({ device: "u50-0", probe, log: silent, settings });
  const changes = vi.fn();
  device.onChange = changes;
  return { device, changes };
}

const fail = (error: Error) => () => Promise.reject(error);
const broken = fail(new BackendError("device", "clFinish: -5"));

async function failures(device: DeviceBreaker, work: () => Promise<never>, count: number) {
  for (let at = 0; at < count; at += 1) await expect(device.guard(work)).rejects.toThrow();
}

describe("the breaker of a device", () => {
  it("hands results and errors on as they are", async () => {
    const { device } = breaker();
    expect(await device.guard(async () => 7)).toBe(7);
    await expect(device.guard(broken)).rejects.toThrow("clFinish: -5");
    expect([device.closed, device.state]).toEqual([true, "closed"]);
  });

  it("opens when the device failed, or its worker died, too often", async () => {
    const { device, changes } = breaker();
    await failures(device, broken, 1);
    await failures(device, fail(new WorkerLost("gone", true)), 1);
    expect([device.closed, device.state, device.opened]).toEqual([false, "open", 1]);
    expect(changes).toHaveBeenCalledOnce();
  });

  it.each([
    ["a client's mistake", new BackendError("input", "wrong shape")],
    ["a busy device", new BackendError("exhausted", "no memory")],
    ["a batch that only waited in a worker that died", new WorkerLost("gone", false)],
    ["anything else", new Error("x")],
  ])("does not mind %s", async (_, error) => {
    const { device } = breaker();
    await failures(device, fail(error), 10);
    expect(device.closed).toBe(true);
  });

  it("ends what was begun before it opened", async () => {
    const { device } = breaker();
    await failures(device, broken, 2);
    expect(await device.guard(async () => "late")).toBe("late");
    expect(device.closed).toBe(false);
  });

  it("closes after a probe that went well, and not after one that did not", async () => {
    const answers: (Error | undefined)[] = [new WorkerLost("not back yet", false), undefined];
    const { device, changes } = breaker(async () => {
      const error = answers.shift();
      if (error) throw error;
    });
    await failures(device, broken, 2);
    await vi.advanceTimersByTimeAsync(999);
    expect(answers.length).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect([answers.length, device.state]).toEqual([1, "open"]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([answers.length, device.state, device.closed]).toEqual([0, "closed", true]);
    expect(changes.mock.calls.length).toBeGreaterThanOrEqual(2);
  });

  it("is half open while it probes, and gives no batches then", async () => {
    let end = () => {};
    const { device } = breaker(() => new Promise((resolve) => (end = resolve)));
    await failures(device, broken, 2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([device.state, device.closed]).toEqual(["half-open", false]);
    end();
    await vi.advanceTimersByTimeAsync(0);
    expect(device.state).toBe("closed");
  });

  it("probes no more once it is closed for good", async () => {
    const probe = vi.fn(async () => {});
    const { device } = breaker(probe);
    await failures(device, broken, 2);
    device.close();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(probe).not.toHaveBeenCalled();
  });
});
