import { describe, expect, it } from "vitest";
import { BackendError } from "../../backends/contract.ts";
import { FakeInstance } from "../../test/support/fake-instance.ts";
import { aRequest, aSignature, FakeCall } from "../../test/support/requests.ts";
import { aCaller, aTenant } from "../../test/support/tenants.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import type { Caller } from "../inference/caller.ts";
import type { SequenceControl } from "../inference/made-inputs.ts";
import type { RequestOutcome } from "../inference/outcome.ts";
import type { InferRequest, ModelSignature } from "../inference/request.ts";
import type { SequenceRules } from "../inference/sequence-rules.ts";
import { silent } from "../logger.ts";
import { DeviceUse } from "../policy/fair-share/device-use.ts";
import { ShareClock } from "../policy/fair-share/share-clock.ts";
import { WorkerLost } from "../pool/lane.ts";
import { Pool } from "../pool/pool.ts";
import { SequenceScheduler } from "./sequence-scheduler.ts";

const direct: SequenceRules = {
  strategy: "direct",
  maxIdleMs: 1000,
  maxDelayMs: 0,
  minimumSlotUtilization: 0,
  maxCandidateSequences: 4,
  preferredRows: [],
  preserveOrdering: false,
  states: [{ input: "s", output: "t", initialShape: [1] }],
  stateInputs: [{ name: "s", datatype: "UINT8", shape: [1] }],
  stateOutputs: [{ name: "t", datatype: "UINT8", shape: [1] }],
};
const oldest: SequenceRules = { ...direct, strategy: "oldest" };

const control = (kind: SequenceControl) => ({
  from: "sequence" as const,
  spec: { name: kind, datatype: "UINT8" as const, shape: [1] },
  control: kind,
  values: { false: Uint8Array.of(0), true: Uint8Array.of(1) },
});

function aScheduler(
  rules: SequenceRules,
  given: { instances?: number; signature?: Partial<ModelSignature> } = {},
) {
  const clock = new VirtualClock();
  const instances = Array.from(
    { length: given.instances ?? 1 },
    (_, i) => new FakeInstance(`${i}`),
  );
  const made = [control("START"), control("READY"), control("END")];
  const signature = aSignature({ maxBatchSize: 4, made, ...given.signature });
  const outcomes: RequestOutcome[] = [];
  const responses: string[] = [];
  let pending = 0;
  const share = { clock: new ShareClock(), use: new DeviceUse() };
  const scheduler = new SequenceScheduler({
    signature,
    rules,
    pool: new Pool(instances, clock.now),
    account: {
      request: (outcome) => void outcomes.push(outcome),
      execution() {},
      response: ({ index, kind }) => void responses.push(`${index} ${kind}`),
      lost() {},
      cacheMiss() {},
      pending(_, delta) {
        pending += delta;
      },
    },
    clock,
    log: silent,
    patienceMs: 5000,
    share,
  });
  /** `id` with the marks: "7" is a request of sequence 7, "7[" its first, "7]" its last. */
  const submit = (
    marked: string,
    request: Partial<InferRequest> = {},
    caller: Caller | undefined = undefined,
  ) => {
    const id = BigInt(marked.replace(/[[\]]/g, ""));
    const sequence = { id, start: marked.includes("["), end: marked.includes("]") };
    const call = Object.assign(new FakeCall(), { caller });
    scheduler.submit(aRequest({ signature, sequence, value: Number(id), ...request }), call);
    return call;
  };
  const finish = async (instance: FakeInstance) => {
    instance.runs[0]?.finish();
    await clock.advance(0);
  };
  const [first = new FakeInstance("none")] = instances;
  return {
    scheduler,
    clock,
    instances,
    first,
    submit,
    finish,
    outcomes,
    responses,
    share,
    pending: () => pending,
  };
}

/** Values of the rows of what an instance runs. */
const rowsOf = ({ runs: [pending] }: FakeInstance) => inputOf(pending?.run, 0, 2);
const controlOf = ({ runs: [pending] }: FakeInstance, kind: number) =>
  inputOf(pending?.run, 1 + kind, 1);

function inputOf(run: FakeInstance["runs"][number]["run"] | undefined, at: number, step: number) {
  const input = run?.inputs[at];
  if (run === undefined || input === undefined) return [];
  const bytes = run.room.bytes.subarray(input.offset, input.offset + input.byteLength);
  return [...bytes].filter((_, i) => i % step === 0);
}

const codes = (call: FakeCall) => call.errors.map(({ code }) => code);
const texts = (call: FakeCall) => call.errors.map(({ message }) => message);

describe("a request to a sequence model", () => {
  it.each([
    ["without a sequence", { sequence: undefined }, /non-zero or non-empty correlation ID/],
    ["with two rows", { rows: 2 }, /must specify batch-size 1/],
  ])("%s is refused", (_, request, text) => {
    const { submit } = aScheduler(direct);
    expect(() => submit("1[", request)).toThrow(text);
  });

  it("of a sequence that was not started is refused, as after its END", async () => {
    const { submit, clock } = aScheduler(direct);
    expect(() => submit("7")).toThrow(
      "inference request for sequence 7 to model 'jets' must specify the START flag on the first request of the sequence",
    );
    submit("7[]");
    await clock.advance(0);
    expect(() => submit("7")).toThrow(/START flag/);
  });
});

describe("with the direct strategy", () => {
  it("a sequence keeps its row, and rows without a request are filled", async () => {
    const { submit, clock, first, finish } = aScheduler(direct);
    for (const id of [1, 2, 3]) submit(`${id}[`);
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([1, 2, 3]);
    await finish(first);
    const [third, one] = [submit("3]"), submit("1")];
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([1, 1, 3]);
    expect(controlOf(first, 0)).toEqual([0, 0, 0]); // START
    expect(controlOf(first, 1)).toEqual([1, 0, 1]); // READY
    expect(controlOf(first, 2)).toEqual([0, 0, 1]); // END
    await finish(first);
    expect([third.answers, one.answers]).toEqual([[[3]], [[1]]]);
  });

  it("counts requests, not fillings", async () => {
    const { submit, clock, first, finish, outcomes, pending } = aScheduler(direct);
    submit("1[");
    submit("2[");
    await clock.advance(0);
    await finish(first);
    submit("2]");
    await clock.advance(0);
    await finish(first);
    expect(outcomes.length).toBe(3);
    expect(pending()).toBe(0);
  });

  it("runs a request whose shape differs from the oldest one's in a batch of its own", async () => {
    const { submit, clock, first, finish } = aScheduler(direct);
    submit("1[", { batchKey: "a" });
    submit("2[", { batchKey: "b" });
    await clock.advance(0);
    expect(controlOf(first, 1)).toEqual([1, 0]);
    await finish(first);
    expect(controlOf(first, 1)).toEqual([0, 1]);
  });

  it("waits for the share of slots that is worth running, but not longer than told", async () => {
    const rules = { ...direct, minimumSlotUtilization: 0.5, maxDelayMs: 10 };
    const { submit, clock, first, finish } = aScheduler(rules);
    submit("1[");
    await clock.advance(9);
    expect(first.runs.length).toBe(0);
    submit("2[");
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([1, 2]);
    await finish(first);
    submit("1");
    await clock.advance(9);
    expect(first.runs.length).toBe(0);
    await clock.advance(1);
    expect(controlOf(first, 1)).toEqual([1, 0]);
  });

  it("runs one request at a time without a batch axis", async () => {
    const { submit, clock, first, finish } = aScheduler(direct, { signature: { maxBatchSize: 0 } });
    submit("1[", { alone: true });
    const waits = submit("2[", { alone: true });
    await clock.advance(0);
    expect(first.runs[0]?.run.inputs[1]?.shape).toEqual([1]);
    submit("1]", { alone: true });
    await finish(first);
    expect(controlOf(first, 2)).toEqual([1]);
    await finish(first);
    await finish(first);
    expect(waits.told).toBe(1);
  });
});

describe("with the oldest strategy", () => {
  it("the next requests of all sequences share a batch, one each, in order", async () => {
    const { submit, clock, first, finish } = aScheduler(oldest);
    for (const id of [3, 1, 2]) submit(`${id}[`);
    for (const id of [1, 2, 3]) submit(`${id}]`);
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([3, 1, 2]);
    await finish(first);
    expect(rowsOf(first)).toEqual([3, 1, 2]);
    expect(controlOf(first, 2)).toEqual([1, 1, 1]);
  });

  it("has no more candidates than told", async () => {
    const { submit, clock, first } = aScheduler({ ...oldest, maxCandidateSequences: 2 });
    for (const id of [1, 2, 3]) submit(`${id}[`);
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([1, 2]);
  });

  it("waits for a preferred size as long as told", async () => {
    const { submit, clock, first } = aScheduler({ ...oldest, preferredRows: [3], maxDelayMs: 5 });
    submit("1[");
    submit("2[");
    await clock.advance(4);
    expect(first.runs.length).toBe(0);
    submit("3[");
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([1, 2, 3]);
  });

  it("with preserve_ordering runs one batch after the other", async () => {
    const rules = { ...oldest, preserveOrdering: true };
    const { submit, clock, instances } = aScheduler(rules, { instances: 2 });
    submit("1[");
    submit("2[");
    await clock.advance(0);
    expect(instances.map(({ runs }) => runs.length)).toEqual([1, 0]);
  });
});

describe("three interleaved sequences on two instances", () => {
  it.each([direct, oldest])("each stay where they began ($strategy)", async (rules) => {
    const { submit, clock, instances, finish } = aScheduler(rules, { instances: 2 });
    const seen = new Map<number, Set<FakeInstance>>();
    const calls: FakeCall[] = [];
    for (const mark of ["[", "", "", "]"]) {
      for (const id of [1, 2, 3]) calls.push(submit(`${id}${mark}`));
      await clock.advance(0);
      for (const instance of instances) {
        const ready = controlOf(instance, 1);
        for (const [row, id] of rowsOf(instance).entries()) {
          if (ready[row] === 1) seen.set(id, (seen.get(id) ?? new Set()).add(instance));
        }
        await finish(instance);
      }
    }
    expect([...seen.values()].map(({ size }) => size)).toEqual([1, 1, 1]);
    expect(new Set([...seen.values()].flatMap((set) => [...set])).size).toBe(2);
    expect(calls.map(({ answers }) => answers[0]?.[0])).toEqual([
      1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3,
    ]);
  });
});

describe("with the decoupled policy", () => {
  const decoupled = { signature: { decoupled: true } };
  /** The worker answers row `member` of what it runs. */
  const respond = ({ runs: [pending] }: FakeInstance, member: number, value: number) => {
    const outputs = [{ index: 0, shape: [1, 2], data: Uint8Array.of(value, value) }];
    pending?.run.onResponse?.({ member, outputs, inferUs: 10, outputUs: 1 });
  };

  it("responses go to their requests, and those of fillings to nobody, uncounted", async () => {
    const { submit, clock, first, finish, responses, outcomes } = aScheduler(direct, decoupled);
    for (const id of [1, 2, 3]) submit(`${id}[`);
    await clock.advance(0);
    await finish(first);
    responses.length = 0;
    const [third, one] = [submit("3]"), submit("1")];
    await clock.advance(0);
    expect(controlOf(first, 1)).toEqual([1, 0, 1]); // READY
    respond(first, 2, 30);
    respond(first, 1, 20);
    respond(first, 0, 10);
    respond(first, 2, 31);
    expect([third.answers, one.answers]).toEqual([[[30], [31]], [[10]]]);
    await finish(first);
    expect([third.answers, one.answers]).toEqual([
      [[30], [31], []],
      [[10], []],
    ]);
    expect(responses).toEqual(["0 success", "0 success", "1 success", "1 empty", "2 empty"]);
    expect(outcomes.length).toBe(5);
  });

  it("the next request of a sequence waits for the last response of the one before", async () => {
    const { submit, clock, first, finish } = aScheduler(oldest, decoupled);
    submit("1[");
    const next = submit("1]");
    await clock.advance(0);
    respond(first, 0, 1);
    expect(first.runs.length).toBe(1);
    await finish(first);
    respond(first, 0, 2);
    expect(next.answers).toEqual([[2]]);
    await finish(first);
    expect(next.finished).toBe(true);
    expect(() => submit("1")).toThrow(/START flag/);
  });

  it("a failure ends who has a response, runs the others again, and both sequences go on", async () => {
    const { scheduler, submit, clock, first, finish } = aScheduler(direct, decoupled);
    const [one, two, three] = [submit("1["), submit("2["), submit("3[")];
    await clock.advance(0);
    respond(first, 0, 1);
    first.runs[0]?.fail(new BackendError("internal", "broken"));
    await clock.advance(0);
    expect([codes(one), codes(two), codes(three)]).toEqual([["INTERNAL"], [], []]);
    respond(first, 1, 5);
    await finish(first);
    respond(first, 2, 6);
    await finish(first);
    expect([two.answers, three.answers]).toEqual([
      [[5], []],
      [[6], []],
    ]);
    const [again, last] = [submit("1]"), submit("2]")];
    await clock.advance(0);
    await finish(first);
    expect([again.finished, last.finished, scheduler.inFlight]).toEqual([true, true, 0]);
  });

  it("the death of a worker ends all its sequences, whatever was answered", async () => {
    const { scheduler, submit, clock, first } = aScheduler(direct, decoupled);
    const [one, two] = [submit("1["), submit("2[")];
    await clock.advance(0);
    respond(first, 0, 1);
    first.setReady(false);
    first.runs[0]?.fail(new WorkerLost("killed", true));
    await clock.advance(0);
    expect([codes(one), codes(two)]).toEqual([["UNAVAILABLE"], ["UNAVAILABLE"]]);
    expect(scheduler.inFlight).toBe(0);
    expect(() => submit("1")).toThrow(/START flag/);
  });

  it("a run for which nobody listens any more is aborted", async () => {
    const { submit, clock, first } = aScheduler(direct, decoupled);
    const filler = submit("1[");
    const call = submit("2[");
    await clock.advance(0);
    filler.hangUp();
    expect(first.runs[0]?.run.signal?.aborted).toBe(false);
    call.hangUp();
    expect(first.runs[0]?.run.signal?.aborted).toBe(true);
  });
});

describe("more sequences than slots", () => {
  it("wait until one ends, in the order in which they started", async () => {
    const { submit, clock, first, finish } = aScheduler(direct);
    for (const id of [1, 2, 3, 4, 5, 6]) submit(`${id}[`);
    await clock.advance(0);
    expect(rowsOf(first)).toEqual([1, 2, 3, 4]);
    await finish(first);
    submit("3]");
    await clock.advance(0);
    await finish(first);
    expect(rowsOf(first)[2]).toBe(5);
    expect(controlOf(first, 1)).toEqual([0, 0, 1, 0]);
  });

  it("are told when they waited as long as a sequence may idle", async () => {
    const { submit, clock, first, finish } = aScheduler(direct);
    for (const id of [1, 2, 3, 4]) submit(`${id}[`);
    await clock.advance(0);
    const waiting = submit("5[");
    await finish(first);
    // The others stay busy.
    for (let i = 0; i < 3; i += 1) {
      await clock.advance(400);
      for (const id of [1, 2, 3, 4]) submit(`${id}`);
      await clock.advance(0);
      await finish(first);
    }
    expect(codes(waiting)).toEqual(["UNAVAILABLE"]);
    expect(texts(waiting)).toEqual(["timeout of the corresponding sequence has been expired"]);
  });
});

describe("a sequence that sends nothing", () => {
  it("is over after the idle time, and its state is forgotten", async () => {
    const { submit, clock, first, finish } = aScheduler(direct);
    submit("1[");
    await clock.advance(0);
    await finish(first);
    await clock.advance(900);
    submit("1");
    await clock.advance(0);
    await finish(first);
    await clock.advance(900);
    expect(first.forgotten).toEqual([]);
    await clock.advance(200);
    expect(first.forgotten).toEqual(["1"]);
    expect(() => submit("1")).toThrow(/START flag/);
    expect(clock.pending).toBe(0);
  });

  it("is not idle while one of its requests runs", async () => {
    const { submit, clock, first, finish } = aScheduler(direct);
    const call = submit("1[");
    await clock.advance(5000);
    await finish(first);
    expect(call.answers).toEqual([[1]]);
    expect(() => submit("1")).not.toThrow();
  });

  it("with an END needs not be forgotten", async () => {
    const { submit, clock, first, finish } = aScheduler(direct);
    submit("1[]");
    await clock.advance(0);
    await finish(first);
    await clock.advance(5000);
    expect(first.forgotten).toEqual([]);
  });
});

describe("START on a live sequence", () => {
  it("starts it again in the same row, also right behind its END", async () => {
    const { submit, clock, first, finish } = aScheduler(direct);
    for (const mark of ["1[", "1[", "1]", "1["]) submit(mark);
    await clock.advance(0);
    const starts: number[][] = [];
    for (let i = 0; i < 4; i += 1) {
      starts.push(controlOf(first, 0));
      await finish(first);
    }
    expect(starts).toEqual([[1], [1], [0], [1]]);
    expect(() => submit("1")).not.toThrow();
  });
});

describe("a client that hangs up", () => {
  it("takes its request along, and the sequence goes on", async () => {
    const { submit, clock, first, finish, scheduler } = aScheduler(direct);
    submit("1[");
    await clock.advance(0);
    const gone = submit("1");
    const next = submit("1]");
    gone.hangUp();
    await finish(first);
    expect(controlOf(first, 2)).toEqual([1]);
    await finish(first);
    expect([gone.told, next.told, scheduler.inFlight]).toEqual([0, 1, 0]);
  });

  it("takes the START along, so what follows has no beginning", async () => {
    const { submit, clock, first, finish } = aScheduler(direct, { signature: { maxBatchSize: 1 } });
    submit("9[");
    await clock.advance(0);
    const gone = submit("1[");
    const orphan = submit("1");
    const again = submit("1[");
    gone.hangUp();
    expect(texts(orphan)).toEqual([expect.stringContaining("START flag")]);
    submit("9]");
    await finish(first);
    await finish(first);
    await finish(first);
    expect(again.answers).toEqual([[1]]);
  });

  it("with the END frees the row once the rest was answered", async () => {
    const { submit, clock, first, finish } = aScheduler(direct, { signature: { maxBatchSize: 1 } });
    submit("1[");
    await clock.advance(0);
    submit("1]").hangUp();
    const other = submit("2[");
    await finish(first);
    expect(first.forgotten).toEqual(["1"]);
    await finish(first);
    expect(other.told).toBe(1);
  });
});

describe("the death of a worker", () => {
  const lost = "sequence 1 of model 'jets' was lost";

  it("ends the sequences it kept: nothing of them runs again", async () => {
    const { submit, clock, instances, first, finish, scheduler } = aScheduler(direct, {
      instances: 2,
    });
    const running = submit("1[");
    await clock.advance(0);
    const queued = submit("1");
    const elsewhere = submit("2[");
    await clock.advance(0);
    first.setReady(false);
    first.runs[0]?.fail(new WorkerLost("worker died", true));
    await clock.advance(0);
    expect(codes(running)).toEqual(["UNAVAILABLE"]);
    expect(texts(running)[0]).toContain(lost);
    expect(texts(queued)[0]).toContain(lost);
    expect(() => submit("1")).toThrow(/START flag/);
    const [, second = first] = instances;
    await finish(second);
    expect(elsewhere.answers).toEqual([[2]]);
    expect(scheduler.inFlight).toBe(0);
  });

  it("lets a sequence start again elsewhere, before the old run is known to be lost", async () => {
    const { submit, clock, instances, first, finish } = aScheduler(direct, { instances: 2 });
    const running = submit("1[");
    await clock.advance(0);
    first.setReady(false);
    const again = submit("1[");
    await clock.advance(0);
    first.runs[0]?.fail(new WorkerLost("worker died", true));
    await clock.advance(0);
    await finish(instances[1] ?? first);
    expect([codes(running), again.answers]).toEqual([["UNAVAILABLE"], [[1]]]);
    expect(() => submit("1")).not.toThrow();
  });

  it("leaves new sequences waiting for the respawn, and not for ever", async () => {
    const { submit, clock, first, finish } = aScheduler(direct);
    first.setReady(false);
    const patient = submit("1[");
    await clock.advance(4000);
    first.setReady(true);
    await clock.advance(0);
    await finish(first);
    expect(patient.answers).toEqual([[1]]);
    first.setReady(false);
    const unlucky = submit("2[");
    await clock.advance(5000);
    expect(texts(unlucky)).toEqual(["no instance of model 'jets' became ready in time"]);
  });
});

describe("a batch that the backend refuses", () => {
  it("is halved until the guilty request is alone, in its own row", async () => {
    const { submit, clock, first, finish } = aScheduler(direct);
    const calls = [1, 2].map((id) => submit(`${id}[`));
    await clock.advance(0);
    const bad = new BackendError("input", "an index out of range");
    first.runs[0]?.fail(bad);
    await clock.advance(0);
    expect(controlOf(first, 1)).toEqual([1, 0]);
    await finish(first);
    expect(controlOf(first, 1)).toEqual([0, 1]);
    first.runs[0]?.fail(bad);
    await clock.advance(0);
    expect(calls[0]?.answers).toEqual([[1]]);
    expect(calls.map(codes)).toEqual([[], ["INVALID_ARGUMENT"]]);
    // Its sequence goes on.
    submit("2");
    await clock.advance(0);
    expect(controlOf(first, 1)).toEqual([0, 1]);
  });
});

describe("unloading", () => {
  it("waits for requests, not for the END of idle sequences", async () => {
    const { submit, clock, first, finish, scheduler } = aScheduler(direct);
    submit("1[");
    await clock.advance(0);
    let drained = false;
    void scheduler.drain().then(() => {
      drained = true;
    });
    expect(() => submit("1")).toThrow(/stopped accepting/);
    await clock.advance(0);
    expect(drained).toBe(false);
    await finish(first);
    expect(drained).toBe(true);
    await scheduler.close();
    expect([first.closed, clock.pending]).toEqual([true, 0]);
  });

  it("without draining fails what waits", async () => {
    const { submit, clock, scheduler } = aScheduler(direct, { signature: { maxBatchSize: 1 } });
    submit("1[");
    await clock.advance(0);
    const waits = [submit("1"), submit("2[")];
    await scheduler.close();
    expect(waits.map(codes)).toEqual([["UNAVAILABLE"], ["UNAVAILABLE"]]);
  });
});

describe("the time of a device that keeps sequences", () => {
  const [cms, atlas] = [aTenant(1), aTenant(2)];

  it.each([
    ["direct", direct],
    ["oldest", oldest],
  ])("is charged to who sent the requests of a batch, by rows (%s)", async (_, rules) => {
    const { submit, first, clock, share, scheduler } = aScheduler(rules);
    submit("1[", {}, aCaller(cms));
    submit("2[", {}, aCaller(atlas));
    submit("3[", {}, aCaller(cms));
    expect([...scheduler.rowsByTenant()]).toEqual([
      [cms.name, 1],
      [atlas.name, 1],
      [cms.name, 1],
    ]);
    await clock.advance(0);
    first.runs[0]?.finish(3_000);
    await clock.advance(0);
    const used = [...share.use.all()].map(({ tenant, usedUs }) => [tenant, usedUs]);
    expect(Object.fromEntries(used)).toEqual({ [cms.name]: 2_000, [atlas.name]: 1_000 });
    // Of two equal tenants the one that used less is served next wherever these devices are shared.
    const [left, right] = [share.clock.enter(cms), share.clock.enter(atlas)];
    expect(left.tag).toBeGreaterThan(right.tag);
    expect([...scheduler.rowsByTenant()]).toEqual([]);
  });
});
