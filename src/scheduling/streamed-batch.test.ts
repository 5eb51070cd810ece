import { describe, expect, it } from "vitest";
import { BackendError } from "../../backends/contract.ts";
import { FakeInstance } from "../../test/support/fake-instance.ts";
import { aRequest, aSignature, FakeCall } from "../../test/support/requests.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import type { RequestOutcome } from "../inference/outcome.ts";
import { UNBATCHED } from "../inference/queue-rules.ts";
import type { ModelSignature } from "../inference/request.ts";
import { silent } from "../logger.ts";
import { WorkerLost } from "../pool/lane.ts";
import { Pool } from "../pool/pool.ts";
import { Scheduler } from "./scheduler.ts";

/** A decoupled model on one instance, of which the test plays the worker. */
function aDecoupledModel(over: Partial<ModelSignature> = {}) {
  const clock = new VirtualClock();
  const instance = new FakeInstance("0");
  const outcomes: RequestOutcome[] = [];
  const counted: string[] = [];
  const scheduler = new Scheduler({
    signature: aSignature({ decoupled: true, ...over }),
    rules: { ...UNBATCHED, dynamic: true },
    pool: new Pool([instance], clock.now),
    account: {
      request: (outcome) => void outcomes.push(outcome),
      execution() {},
      response: ({ index, kind }) => void counted.push(`${index} ${kind}`),
      cacheMiss() {},
      lost() {},
      pending() {},
    },
    clock,
    log: silent,
    patienceMs: 1000,
  });
  const submit = () => {
    const call = new FakeCall();
    scheduler.submit(aRequest(), call);
    return call;
  };
  const running = () => {
    const [first] = instance.runs;
    if (!first) throw new Error("nothing runs");
    return first;
  };
  /** The worker sends a response with this first byte. */
  const respond = (member: number, value: number) => {
    const outputs = [{ index: 0, shape: [1, 2], data: Uint8Array.of(value, value) }];
    running().run.onResponse?.({ member, outputs, inferUs: 10, outputUs: 1 });
  };
  return { scheduler, clock, instance, outcomes, counted, submit, running, respond };
}

describe("responses of a decoupled model", () => {
  it("go to their requests as they come, and an empty one ends each", async () => {
    const { clock, submit, respond, running, outcomes, counted } = aDecoupledModel();
    const [a, b] = [submit(), submit()];
    await clock.advance(0);
    respond(1, 7);
    respond(0, 8);
    respond(1, 9);
    expect([a.answers, b.answers]).toEqual([[[8]], [[7], [9]]]);
    expect([a.finished, outcomes.length]).toEqual([false, 0]);
    running().finish();
    await clock.advance(0);
    expect([a.answers, b.answers]).toEqual([
      [[8], []],
      [[7], [9], []],
    ]);
    expect([a.finished, b.finished]).toEqual([true, true]);
    expect(outcomes.map(({ failure }) => failure)).toEqual([undefined, undefined]);
    expect(counted).toEqual(["0 success", "0 success", "1 success", "1 empty", "2 empty"]);
  });

  it("are not sent to one who hung up, and the others do not notice", async () => {
    const { clock, submit, respond, running, outcomes } = aDecoupledModel();
    const [a, b] = [submit(), submit()];
    await clock.advance(0);
    respond(0, 1);
    a.hangUp();
    respond(0, 2);
    respond(1, 3);
    expect(running().run.signal?.aborted).toBe(false);
    running().finish();
    await clock.advance(0);
    expect([a.answers, b.answers]).toEqual([[[1]], [[3], []]]);
    expect(outcomes.map(({ failure }) => failure)).toEqual(["CANCELED", undefined]);
  });

  it("are not made any more once everybody hung up", async () => {
    const { clock, submit, running } = aDecoupledModel();
    const [a, b] = [submit(), submit()];
    await clock.advance(0);
    a.hangUp();
    b.hangUp();
    expect(running().run.signal?.aborted).toBe(true);
  });
});

describe("the death of a worker in the middle of its responses", () => {
  const killed = () => new WorkerLost("killed by SIGKILL", true);

  it("fails a request that has some, and runs one that has none again", async () => {
    const { clock, submit, respond, running, outcomes } = aDecoupledModel();
    const [a, b] = [submit(), submit()];
    await clock.advance(0);
    respond(0, 1);
    running().fail(killed());
    await clock.advance(0);
    expect(a.errors.map(({ code }) => code)).toEqual(["UNAVAILABLE"]);
    expect(a.errors[0]?.message).toContain("after it had sent some of the responses");
    expect(outcomes.map(({ failure }) => failure)).toEqual(["BACKEND"]);
    expect(running().run.memberRows).toEqual([1]);
    respond(0, 5);
    running().finish();
    await clock.advance(0);
    expect(b.answers).toEqual([[5], []]);
    expect(b.errors).toEqual([]);
  });

  it("leaves a request that waits to be run again where its client can take it back", async () => {
    const { clock, instance, submit, running, outcomes } = aDecoupledModel();
    const a = submit();
    await clock.advance(0);
    instance.setReady(false);
    running().fail(killed());
    await clock.advance(0);
    a.hangUp();
    instance.setReady(true);
    await clock.advance(0);
    expect(instance.runs).toEqual([]);
    expect(outcomes.map(({ failure }) => failure)).toEqual(["CANCELED"]);
  });
});

describe("a response whose shape cannot be what the client knows", () => {
  it("fails its request, once, and no other", async () => {
    // One row of two bytes in the model, [1, 1] outside: here it comes with three.
    const outputs = [{ name: "y", datatype: "UINT8", shape: [1, 2], modelShape: [2] }] as const;
    const { clock, submit, running, respond, outcomes } = aDecoupledModel({ outputs });
    const [a, b] = [submit(), submit()];
    await clock.advance(0);
    const bad = [{ index: 0, shape: [1, 3], data: Uint8Array.of(1, 2, 3) }];
    running().run.onResponse?.({ member: 0, outputs: bad, inferUs: 1, outputUs: 1 });
    respond(0, 4);
    respond(1, 5);
    running().finish();
    await clock.advance(0);
    expect([a.answers, a.errors.map(({ code }) => code)]).toEqual([[], ["INTERNAL"]]);
    expect(b.answers).toEqual([[5], []]);
    expect(outcomes.map(({ failure }) => failure)).toEqual(["BACKEND", undefined]);
  });
});

describe("a backend that fails in the middle of its responses", () => {
  it("gives its reason to those who have some", async () => {
    const { clock, submit, respond, running } = aDecoupledModel();
    const a = submit();
    await clock.advance(0);
    respond(0, 1);
    running().fail(new BackendError("input", "no such token"));
    await clock.advance(0);
    expect(a.errors.map(({ code, message }) => `${code} ${message}`)).toEqual([
      "INVALID_ARGUMENT no such token",
    ]);
  });
});
