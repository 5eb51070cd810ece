import { describe, expect, it } from "vitest";
import { BackendError } from "../../backends/contract.ts";
import { FakeInstance } from "../../test/support/fake-instance.ts";
import { aRequest, aSignature, FakeCall } from "../../test/support/requests.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { UNBATCHED } from "../inference/queue-rules.ts";
import type { Routing, Story, StoryBatch } from "../inference/story.ts";
import { silent } from "../logger.ts";
import { preferenceRouter } from "../policy/routing/preference-router.ts";
import { Pool } from "../pool/pool.ts";
import { Branch } from "./branch.ts";
import { RoutedModel } from "./routed-model.ts";
import { Scheduler } from "./scheduler.ts";

class Told implements Story {
  readonly routings: Routing[] = [];
  readonly batches: StoryBatch[] = [];
  readonly notes: string[] = [];
  readonly ends: unknown[] = [];

  routed(routing: Routing): void {
    this.routings.push(routing);
  }

  dispatched(batch: StoryBatch): void {
    this.batches.push(batch);
  }

  noted(what: string): void {
    this.notes.push(what);
  }

  answered(origin: unknown): void {
    this.ends.push(origin);
  }

  failed(why: string): void {
    this.ends.push(why);
  }

  step(): undefined {}
}

class ToldCall extends FakeCall {
  readonly story = new Told();
}

const NAMES = ["u50", "cpu"] as const;
const origin = new Map([["beamgate_variant", { type: "string", value: "one" }]] as const);

function aModel() {
  const clock = new VirtualClock();
  const signature = aSignature();
  const instances = NAMES.map((name) => new FakeInstance(name));
  const account = {
    request() {},
    execution() {},
    response() {},
    cacheMiss() {},
    lost() {},
    pending() {},
  };
  const model = new RoutedModel({
    signature,
    router: preferenceRouter(NAMES),
    failOverToAnyClass: false,
    clock,
    failedOver() {},
    branches: (rescueOf) =>
      NAMES.map((name, at) => {
        const pool = new Pool(instances.slice(at, at + 1), clock.now);
        const rules = { ...UNBATCHED, dynamic: true };
        const parts = { signature, rules, pool, account, clock, log: silent, patienceMs: 1000 };
        const scheduler = new Scheduler({ ...parts, rescue: rescueOf(name), origin: () => origin });
        const view = { vendor: name, platform: name, backend: name, numericClass: "float32" };
        return new Branch({ name, digest: "", ...view, scheduler, pool });
      }),
  });
  const [u50, cpu] = instances;
  if (u50 === undefined || cpu === undefined) throw new Error("two instances");
  const submit = (call: FakeCall, rows = 1) => {
    model.submit(aRequest({ rows }), call);
    return call;
  };
  return { clock, u50, cpu, submit };
}

describe("the story of a request", () => {
  it("tells the choice, the batch and the answer", async () => {
    const { clock, u50, submit } = aModel();
    const call = new ToldCall();
    submit(call);
    submit(new FakeCall(), 3);
    await clock.advance(0);
    u50.runs[0]?.finish();
    await clock.advance(0);
    const [routing] = call.story.routings;
    expect(routing).toMatchObject({
      variant: "u50",
      why: "the first in the order of preference that serves",
    });
    expect(routing?.candidates.map(({ name, ready }) => [name, ready])).toEqual([
      ["u50", true],
      ["cpu", true],
    ]);
    expect(call.story.batches).toEqual([
      {
        rows: 4,
        requests: 2,
        closed: "the device was free and nobody else waited",
        device: u50.report.device.id,
        instance: u50.id,
      },
    ]);
    expect([call.story.notes, call.story.ends]).toEqual([[], [origin]]);
  });

  it("tells what failed, and where the request went then", async () => {
    const { clock, u50, cpu, submit } = aModel();
    const call = new ToldCall();
    submit(call);
    await clock.advance(0);
    u50.runs[0]?.fail(new BackendError("device", "clFinish: -5"));
    await clock.advance(0);
    cpu.runs[0]?.finish();
    await clock.advance(0);
    expect(call.story.notes).toEqual([
      `the execution on device ${u50.report.device.id} failed: clFinish: -5`,
      'it went on from variant "u50" to "cpu": clFinish: -5',
    ]);
    expect(call.story.batches.map(({ instance }) => instance)).toEqual([u50.id, cpu.id]);
    expect(call.story.ends).toEqual([origin]);
  });

  it("ends where its client goes away, and where it fails", async () => {
    const { clock, u50, submit } = aModel();
    const [gone, wrong] = [new ToldCall(), new ToldCall()];
    submit(gone);
    gone.hangUp();
    submit(wrong);
    await clock.advance(0);
    u50.runs[0]?.fail(new BackendError("input", "row 0 is NaN"));
    await clock.advance(0);
    expect(gone.story.ends).toEqual(["its client went away, or its deadline passed"]);
    expect(wrong.story.ends).toEqual(["INVALID_ARGUMENT: row 0 is NaN"]);
  });
});
