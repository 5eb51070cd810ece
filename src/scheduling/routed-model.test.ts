import { describe, expect, it } from "vitest";
import { BackendError } from "../../backends/contract.ts";
import { FakeInstance } from "../../test/support/fake-instance.ts";
import { aRequest, aSignature, FakeCall } from "../../test/support/requests.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import type { RequestOutcome } from "../inference/outcome.ts";
import { type QueueRules, UNBATCHED } from "../inference/queue-rules.ts";
import type { InferRequest } from "../inference/request.ts";
import { silent } from "../logger.ts";
import { preferenceRouter } from "../policy/routing/preference-router.ts";
import { WorkerLost } from "../pool/lane.ts";
import { Pool } from "../pool/pool.ts";
import { Branch } from "./branch.ts";
import { RoutedModel } from "./routed-model.ts";
import { Scheduler } from "./scheduler.ts";

const CLASSES = { u50: "ap_fixed<16,6>", intel: "ap_fixed<16,6>", cpu: "float32" };
type Name = keyof typeof CLASSES;
const NAMES = Object.keys(CLASSES) as Name[];

interface Given {
  readonly anyClass?: boolean;
  readonly names?: Name[];
  readonly queue?: Partial<QueueRules>;
}

function aModel({ anyClass = false, names = NAMES, queue = {} }: Given = {}) {
  const clock = new VirtualClock();
  const signature = aSignature();
  const outcomes: RequestOutcome[] = [];
  const moves: string[] = [];
  let pending = 0;
  const instances = Object.fromEntries(
    names.map((name) => [name, new FakeInstance(name)]),
  ) as Record<Name, FakeInstance>;
  const account = {
    request: (outcome: RequestOutcome) => void outcomes.push(outcome),
    execution() {},
    response() {},
    cacheMiss() {},
    lost() {},
    pending(_: unknown, delta: number) {
      pending += delta;
    },
  };
  const model = new RoutedModel({
    signature,
    router: preferenceRouter(names),
    failOverToAnyClass: anyClass,
    clock,
    failedOver: (from, to) => void moves.push(`${from} → ${to}`),
    branches: (rescueOf) =>
      names.map((name) => {
        const pool = new Pool([instances[name]], clock.now);
        const rules = { ...UNBATCHED, dynamic: true, ...queue };
        const scheduler = new Scheduler({
          signature,
          rules,
          pool,
          account,
          clock,
          log: silent,
          patienceMs: 1000,
          rescue: rescueOf(name),
          origin: ({ id }) => new Map([["beamgate_variant", { type: "string", value: id }]]),
        });
        const vendor = { u50: "xilinx", intel: "intel", cpu: "arm" }[name];
        const view = { name, vendor, platform: name, backend: name, numericClass: CLASSES[name] };
        return new Branch({ ...view, scheduler, pool });
      }),
  });
  const submit = (request: Partial<InferRequest> & { value?: number } = {}, deadline?: number) => {
    const call = new DeadlineCall(deadline);
    model.submit(aRequest(request), call);
    return call;
  };
  return { model, clock, instances, outcomes, moves, submit, pending: () => pending };
}

class DeadlineCall extends FakeCall {
  override readonly deadline: number;
  readonly origins: unknown[] = [];
  constructor(deadline = Number.POSITIVE_INFINITY) {
    super();
    this.deadline = deadline;
  }
  override respond(response: Parameters<FakeCall["respond"]>[0], final = true): void {
    this.origins.push(response.parameters?.get("beamgate_variant")?.value);
    super.respond(response, final);
  }
}

const wish = (key: string, value: string): Partial<InferRequest> => ({
  parameters: new Map([[key, { type: "string", value }]]),
});
const broken = new BackendError("device", "clFinish: -5");

describe("a model with variants on several vendors", () => {
  it("is served by the one that the router chooses, and says which", async () => {
    const { clock, instances, submit } = aModel();
    const call = submit({ value: 7 });
    await clock.advance(0);
    instances.u50.runs[0]?.finish();
    await clock.advance(0);
    expect([call.answers, call.origins]).toEqual([[[7]], ["u50"]]);
  });

  it("is served as the client asks: by vendor, platform, numeric class or name", async () => {
    const { clock, instances, submit } = aModel();
    submit(wish("beamgate_vendor", "intel"));
    submit(wish("beamgate_class", "float32"));
    await clock.advance(0);
    expect([instances.intel.runs.length, instances.cpu.runs.length]).toEqual([1, 1]);
    expect(() => submit(wish("beamgate_variant", "tpu"))).toThrow(
      /^model 'jets': no variant of name "tpu": there are u50/,
    );
  });

  it.each([
    ["its device fails", broken],
    ["its device has no room", new BackendError("exhausted", "no memory")],
    ["its worker dies", new WorkerLost("gone", true)],
    ["its backend does not know why it failed", new Error("?")],
  ])("goes once to another of its class when %s", async (_, error) => {
    const { clock, instances, submit, moves, outcomes, pending } = aModel();
    const call = submit({ value: 9 });
    await clock.advance(0);
    instances.u50.runs[0]?.fail(error);
    await clock.advance(0);
    expect(moves).toEqual(["u50 → intel"]);
    instances.intel.runs[0]?.finish();
    await clock.advance(0);
    expect([call.answers, call.errors, call.origins]).toEqual([[[9]], [], ["intel"]]);
    expect(outcomes.map(({ failure }) => failure)).toEqual([undefined]);
    expect(pending()).toBe(0);
  });

  it("fails as one variant alone would when the second fails, too", async () => {
    const { clock, instances, submit, outcomes } = aModel({ anyClass: true });
    const call = submit();
    await clock.advance(0);
    instances.u50.runs[0]?.fail(broken);
    await clock.advance(0);
    instances.intel.runs[0]?.fail(broken);
    await clock.advance(0);
    expect([instances.cpu.runs.length, call.errors.map(({ code }) => code)]).toEqual([
      0,
      ["UNAVAILABLE"],
    ]);
    expect(outcomes.map(({ failure }) => failure)).toEqual(["BACKEND"]);
  });

  it("does not go to another class, unless the model allows it", async () => {
    for (const anyClass of [false, true]) {
      const { clock, instances, submit } = aModel({ anyClass, names: ["u50", "cpu"] });
      const call = submit();
      await clock.advance(0);
      instances.u50.runs[0]?.fail(broken);
      await clock.advance(0);
      expect([instances.cpu.runs.length, call.errors.length]).toEqual(anyClass ? [1, 0] : [0, 1]);
    }
  });

  it("does not go to another when the client was wrong, or has hung up, or has no time left", async () => {
    const { clock, instances, submit, moves } = aModel();
    const wrong = submit();
    await clock.advance(0);
    instances.u50.runs[0]?.fail(new BackendError("input", "NaN"));
    await clock.advance(0);
    expect(wrong.errors.map(({ code }) => code)).toEqual(["INVALID_ARGUMENT"]);
    const late = submit({}, 10);
    const gone = submit();
    await clock.advance(20);
    gone.hangUp();
    instances.u50.runs[0]?.fail(broken);
    await clock.advance(0);
    expect([moves, late.errors.length, gone.told]).toEqual([[], 1, 0]);
  });

  it("what only waits moves on when its devices are gone, and may still fail over later", async () => {
    const { clock, instances, submit, moves } = aModel({ names: ["u50", "intel", "cpu"] });
    submit({ rows: 64 });
    submit({ rows: 64 });
    const waiting = submit({ value: 5 });
    await clock.advance(0);
    instances.u50.setReady(false);
    await clock.advance(0);
    expect(moves).toEqual(["u50 → intel"]);
    instances.u50.setReady(true);
    instances.intel.runs[0]?.fail(broken);
    await clock.advance(0);
    expect(moves).toEqual(["u50 → intel", "intel → u50"]);
    expect(waiting.told).toBe(0);
  });

  it("what moves on has waited since it came: its batch closes no later, and those behind it stay behind", async () => {
    const { clock, instances, submit, outcomes } = aModel({ queue: { maxDelayMs: 10 } });
    await clock.advance(1);
    submit({ value: 1 });
    await clock.advance(4);
    submit({ value: 2, ...wish("beamgate_variant", "intel") });
    await clock.advance(2);
    instances.u50.setReady(false);
    await clock.advance(3.9);
    expect(instances.intel.runs).toEqual([]);
    await clock.advance(0.1);
    expect([...(instances.intel.runs[0]?.run.room.bytes.subarray(0, 4) ?? [])]).toEqual([
      1, 1, 2, 2,
    ]);
    instances.intel.runs[0]?.finish();
    await clock.advance(0);
    expect(outcomes.map(({ timeline }) => timeline.dispatched - timeline.queued)).toEqual([10, 6]);
  });

  it("a request that hangs up after it moved leaves the second queue", async () => {
    const { clock, instances, submit, model } = aModel();
    const call = submit();
    await clock.advance(0);
    for (const at of [0, 1]) {
      submit({ rows: 64, ...wish("beamgate_variant", "intel") });
      await clock.advance(at);
    }
    instances.u50.runs[0]?.fail(broken);
    await clock.advance(0);
    const before = model.inFlight;
    call.hangUp();
    expect(model.inFlight).toBe(before - 1);
  });

  it("waits for the respawn where nobody else may serve", async () => {
    const { clock, instances, submit } = aModel({ names: ["u50"] });
    instances.u50.setReady(false);
    const call = submit({ value: 3 });
    await clock.advance(500);
    instances.u50.setReady(true);
    await clock.advance(0);
    instances.u50.runs[0]?.finish();
    await clock.advance(0);
    expect(call.answers).toEqual([[3]]);
  });

  it("is in trouble only when every variant is", () => {
    const { instances, model } = aModel();
    for (const [at, name] of NAMES.entries()) {
      instances[name].failure = "broken";
      instances[name].setReady(false);
      expect(model.trouble === undefined).toBe(at < NAMES.length - 1);
    }
    expect(model.trouble).toBe("u50: broken; intel: broken; cpu: broken");
  });

  it("drains and closes all of them", async () => {
    const { clock, instances, submit, model } = aModel();
    submit();
    submit(wish("beamgate_variant", "cpu"));
    await clock.advance(0);
    let drained = false;
    const draining = model.drain().then(() => {
      drained = true;
    });
    expect(() => submit()).toThrow("Server is stopping");
    instances.u50.runs[0]?.finish();
    await clock.advance(0);
    expect(drained).toBe(false);
    instances.cpu.runs[0]?.finish();
    await clock.advance(0);
    await draining;
    await model.close();
    expect(NAMES.map((name) => instances[name].closed)).toEqual([true, true, true]);
  });
});
