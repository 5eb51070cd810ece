import { describe, expect, it } from "vitest";
import { BackendError } from "../../backends/contract.ts";
import { FakeInstance } from "../../test/support/fake-instance.ts";
import { aRequest, aSignature, FakeCall } from "../../test/support/requests.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import type { RequestOutcome } from "../inference/outcome.ts";
import { NO_POLICY, type QueueRules, UNBATCHED } from "../inference/queue-rules.ts";
import type { InferRequest } from "../inference/request.ts";
import { silent } from "../logger.ts";
import { WorkerLost } from "../pool/lane.ts";
import { Pool } from "../pool/pool.ts";
import { Scheduler } from "./scheduler.ts";

const dynamic: QueueRules = { ...UNBATCHED, dynamic: true };

function aScheduler(given: { rules?: QueueRules; instances?: number; maxBatchSize?: number } = {}) {
  const clock = new VirtualClock();
  const instances = Array.from(
    { length: given.instances ?? 1 },
    (_, i) => new FakeInstance(`${i}`),
  );
  const outcomes: RequestOutcome[] = [];
  const executions: number[] = [];
  let pending = 0;
  const scheduler = new Scheduler({
    signature: aSignature({ maxBatchSize: given.maxBatchSize ?? 64 }),
    rules: given.rules ?? dynamic,
    pool: new Pool(instances, clock.now),
    account: {
      request: (outcome) => void outcomes.push(outcome),
      execution: ({ rows }) => void executions.push(rows),
      response() {},
      cacheMiss() {},
      lost() {},
      pending(_, delta) {
        pending += delta;
      },
    },
    clock,
    log: silent,
    patienceMs: 1000,
  });
  const submit = (request: Partial<InferRequest> & { value?: number } = {}) => {
    const call = new FakeCall();
    scheduler.submit(aRequest(request), call);
    return call;
  };
  const [first = new FakeInstance("none")] = instances;
  return {
    scheduler,
    clock,
    instances,
    first,
    outcomes,
    executions,
    submit,
    pending: () => pending,
  };
}
const rowsOf = (instance: FakeInstance) => instance.runs.map((r) => r.run.memberRows);

describe("requests of many clients", () => {
  it("share a batch, and each gets its own rows back", async () => {
    const { clock, first, submit, executions } = aScheduler();
    const a = submit({ rows: 1, value: 1 });
    const b = submit({ rows: 3, value: 2 });
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([[1, 3]]);
    first.runs[0]?.finish();
    await clock.advance(0);
    expect([a.answers, b.answers]).toEqual([[[1]], [[2]]]);
    expect(executions).toEqual([4]);
    expect(first.rooms).toBe(0);
  });

  it("of which one stands for several count as so many", async () => {
    const { clock, first, submit, outcomes, pending } = aScheduler();
    const bundle = submit({ rows: 4, bundled: 4 });
    submit();
    expect(pending()).toBe(5);
    await clock.advance(0);
    first.runs[0]?.finish();
    await clock.advance(0);
    expect(outcomes.map(({ rows, requests }) => [rows, requests])).toEqual([
      [4, 4],
      [1, undefined],
    ]);
    expect([pending(), bundle.told]).toEqual([0, 1]);
  });

  it("that fail together are counted when they go on one by one", async () => {
    const { clock, first, submit, outcomes, pending } = aScheduler();
    const bundle = submit({ rows: 4, bundled: 4 });
    await clock.advance(0);
    first.runs[0]?.fail(new BackendError("internal", "no"));
    await clock.advance(0);
    expect([bundle.errors.length, outcomes, pending()]).toEqual([1, [], 0]);
  });

  it("that ask to run alone do", async () => {
    const { clock, instances, submit } = aScheduler({ instances: 3 });
    submit({ alone: true });
    submit();
    submit();
    await clock.advance(0);
    expect(instances.flatMap(rowsOf)).toEqual([[1], [1, 1]]);
  });

  it("of different shapes do not share one", async () => {
    const { clock, instances, submit } = aScheduler({ instances: 2 });
    submit({ batchKey: "5" });
    submit({ batchKey: "6" });
    submit({ batchKey: "5" });
    await clock.advance(0);
    expect(instances.flatMap(rowsOf)).toEqual([[1, 1], [1]]);
  });

  it("never exceed the model's batch size together", async () => {
    const { clock, instances, submit } = aScheduler({ instances: 2, maxBatchSize: 4 });
    for (const rows of [3, 2, 1]) submit({ rows });
    await clock.advance(0);
    expect(instances.flatMap(rowsOf)).toEqual([[3], [2, 1]]);
  });
});

describe("a busy device", () => {
  it("is given one batch ahead when that is as large as the one that runs", async () => {
    const { clock, first, submit } = aScheduler();
    submit();
    await clock.advance(0);
    first.runs[0]?.finish(20);
    await clock.advance(0);
    submit({ rows: 2 });
    await clock.advance(0);
    submit({ rows: 1 });
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([[2]]);
    submit({ rows: 1 });
    first.runs[0]?.finish(20);
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([[1, 1]]);
    submit({ rows: 2 });
    submit({ rows: 2 });
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });
});

describe("with a queue delay", () => {
  it("a lone request waits for company, and no longer than that", async () => {
    const { clock, first, submit } = aScheduler({ rules: { ...dynamic, maxDelayMs: 5 } });
    submit();
    await clock.advance(4.9);
    expect(first.runs).toHaveLength(0);
    await clock.advance(0.1);
    expect(rowsOf(first)).toEqual([[1]]);
  });
});

describe("a client that hangs up", () => {
  it("while waiting is never executed", async () => {
    const { clock, first, submit, outcomes, pending } = aScheduler();
    submit();
    const gone = submit();
    gone.hangUp();
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([[1]]);
    expect(gone.told).toBe(0);
    expect(outcomes.map((o) => o.failure)).toEqual(["CANCELED"]);
    expect(pending()).toBe(0);
  });

  it("while its batch runs does not disturb its mates", async () => {
    const { clock, first, submit, outcomes } = aScheduler();
    const gone = submit({ value: 1 });
    const other = submit({ value: 2 });
    await clock.advance(0);
    gone.hangUp();
    first.runs[0]?.finish();
    await clock.advance(0);
    expect([gone.told, other.answers]).toEqual([0, [[2]]]);
    expect(outcomes.map((o) => o.failure)).toEqual(["CANCELED", undefined]);
  });
});

describe("when a worker dies", () => {
  it("its batch runs again on another instance, and no client notices", async () => {
    const { clock, instances, submit } = aScheduler({ instances: 2 });
    const call = submit({ value: 7 });
    await clock.advance(0);
    const [a, b] = instances;
    a?.setReady(false);
    a?.runs[0]?.fail(new WorkerLost("killed", true));
    await clock.advance(0);
    b?.runs[0]?.finish();
    await clock.advance(0);
    expect(call.answers).toEqual([[7]]);
  });

  it("it waits for the respawn where there is no other", async () => {
    const { clock, first, submit } = aScheduler();
    const call = submit({ value: 7 });
    await clock.advance(0);
    first.setReady(false);
    first.runs[0]?.fail(new WorkerLost("killed", true));
    await clock.advance(500);
    expect(call.told).toBe(0);
    first.setReady(true);
    await clock.advance(0);
    first.runs[0]?.finish();
    await clock.advance(0);
    expect(call.answers).toEqual([[7]]);
  });

  it("and none comes back in time, the requests are told so", async () => {
    const { clock, first, submit } = aScheduler();
    first.setReady(false);
    const call = submit();
    await clock.advance(1000);
    expect(call.errors).toMatchObject([{ code: "UNAVAILABLE" }]);
  });

  it("and cannot load the model again, the requests are told why at once", async () => {
    const { clock, first, submit } = aScheduler();
    first.setReady(false);
    const call = submit();
    await clock.advance(1);
    first.failure = "model.onnx is gone";
    first.onChange?.();
    expect(call.errors).toMatchObject([{ code: "UNAVAILABLE" }]);
    expect(call.errors[0]?.message).toContain("model.onnx is gone");
  });

  it("a client that hung up meanwhile is not executed again", async () => {
    const { clock, first, submit } = aScheduler();
    const gone = submit();
    const stays = submit({ value: 3 });
    await clock.advance(0);
    first.setReady(false);
    first.runs[0]?.fail(new WorkerLost("killed", true));
    await clock.advance(0);
    gone.hangUp();
    first.setReady(true);
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([[1]]);
    first.runs[0]?.finish();
    await clock.advance(0);
    expect([gone.told, stays.answers]).toEqual([0, [[3]]]);
  });
});

it("fails only the request that the backend refuses, not its mates", async () => {
  const { clock, first, submit } = aScheduler();
  const calls = [1, 2, 3, 4].map((value) => submit({ value }));
  for (let i = 0; i < 10; i += 1) {
    await clock.advance(0);
    const run = first.runs[0];
    const bad = run?.run.room.bytes.subarray(0, 2 * run.run.memberRows.length).includes(3);
    if (bad) run?.fail(new BackendError("input", "no threes"));
    else run?.finish();
  }
  expect(calls.map((c) => c.answers[0]?.[0])).toEqual([1, 2, undefined, 4]);
  expect(calls[2]?.errors).toMatchObject([{ code: "INVALID_ARGUMENT", message: "no threes" }]);
});

it("refuses in Triton's words what waited longer than its queue policy allows", async () => {
  const defaultPolicy = { ...NO_POLICY, defaultTimeoutUs: 3000 };
  const { clock, first, submit } = aScheduler({ rules: { ...dynamic, defaultPolicy } });
  submit();
  await clock.advance(0);
  const late = submit();
  await clock.advance(3);
  expect(late.errors).toMatchObject([{ code: "UNAVAILABLE", message: "Request timeout expired" }]);
  expect(rowsOf(first)).toEqual([[1]]);
});

describe("a device that fails", () => {
  const gone = new BackendError("device", "nobody answers");

  it("costs no client an error while another device holds the model", async () => {
    const { clock, instances, submit } = aScheduler({ instances: 3 });
    const call = submit({ value: 7 });
    await clock.advance(0);
    for (const failing of [0, 1]) {
      expect(instances.map(({ runs }) => runs.length)).toEqual(
        instances.map((_, at) => (at === failing ? 1 : 0)),
      );
      instances[failing]?.runs[0]?.fail(gone);
      await clock.advance(0);
    }
    instances[2]?.runs[0]?.finish();
    await clock.advance(0);
    expect(call.answers).toEqual([[7]]);
    expect(call.errors).toEqual([]);
  });

  it("fails the request once every device has", async () => {
    const { clock, instances, submit } = aScheduler({ instances: 2 });
    const call = submit();
    await clock.advance(0);
    for (const instance of instances) {
      instance.runs[0]?.fail(gone);
      await clock.advance(0);
    }
    expect(call.errors).toMatchObject([{ code: "UNAVAILABLE", message: "nobody answers" }]);
  });

  it("gets the batch back only from others that serve", async () => {
    const { clock, instances, submit } = aScheduler({ instances: 2 });
    const call = submit();
    await clock.advance(0);
    instances[1]?.setReady(false);
    instances[0]?.runs[0]?.fail(gone);
    await clock.advance(0);
    expect(call.errors).toMatchObject([{ code: "UNAVAILABLE" }]);
  });

  it("keeps a mistake of the client's to itself", async () => {
    const { clock, instances, submit } = aScheduler({ instances: 2 });
    const call = submit();
    await clock.advance(0);
    instances[0]?.runs[0]?.fail(new BackendError("input", "wrong shape"));
    await clock.advance(0);
    expect(call.errors).toMatchObject([{ code: "INVALID_ARGUMENT" }]);
    expect(instances[1]?.runs).toEqual([]);
  });
});

describe("draining", () => {
  it("answers what was accepted, refuses what comes, then frees the instances", async () => {
    const { scheduler, clock, first, submit } = aScheduler();
    const call = submit({ value: 5 });
    await clock.advance(0);
    let drained = false;
    const done = scheduler.drain().then(() => {
      drained = true;
    });
    expect(() => submit()).toThrow("has stopped accepting new inference requests");
    await clock.advance(10);
    expect(drained).toBe(false);
    first.runs[0]?.finish();
    await done;
    expect(call.answers).toEqual([[5]]);
    await scheduler.close();
    expect(first.closed).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

describe("how long a request that came now would wait", () => {
  it("is what the device runs, and what waits by the measured cost of batches", async () => {
    const { scheduler, clock, first, submit } = aScheduler({ maxBatchSize: 8 });
    expect(scheduler.secondsAhead).toBe(0);
    for (let turn = 0; turn < 5; turn += 1) {
      submit({ rows: 8 });
      await clock.advance(0);
      first.runs[0]?.finish(10_000);
      await clock.advance(0);
    }
    expect(scheduler.secondsAhead).toBe(0);
    for (let turn = 0; turn < 3; turn += 1) submit({ rows: 8 });
    await clock.advance(0);
    expect(first.runs.length).toBeGreaterThan(0);
    expect(scheduler.secondsAhead).toBeCloseTo(0.03, 5);
    await clock.advance(4);
    expect(scheduler.secondsAhead).toBeCloseTo(0.026, 5);
  });

  it("is not known while no device serves", async () => {
    const { scheduler, first } = aScheduler();
    first.setReady(false);
    expect(scheduler.secondsAhead).toBeUndefined();
  });
});
