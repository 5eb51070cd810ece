import { beforeEach, describe, expect, it } from "vitest";
import { aRequest, FakeCall } from "../../test/support/requests.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { StatusError } from "../errors.ts";
import { ANYBODY, type Caller, DEFAULT_TENANT, type Quota } from "../inference/caller.ts";
import { Admission } from "./admission.ts";

class CallOf extends FakeCall {
  readonly caller: Caller;

  constructor(tenant: Caller["tenant"]) {
    super();
    this.caller = { ...ANYBODY, tenant };
  }
}

const cms = { ...DEFAULT_TENANT, name: "cms", index: 1 };
const atlas = { ...DEFAULT_TENANT, name: "atlas", index: 2 };
const full = () => new StatusError("UNAVAILABLE", "the queue is full");
const answer = { model: "jets", version: "1", id: "", outputs: [] };

let clock: VirtualClock;
let quotas: Map<string, Quota>;
let admission: Admission;

beforeEach(() => {
  clock = new VirtualClock();
  quotas = new Map([["cms", { rowsPerSecond: 10, concurrentBytes: 100 }]]);
  admission = new Admission({
    termsOf: (tenant) => ({ ...tenant, quota: quotas.get(tenant.name) ?? {} }),
    now: clock.now,
  });
});

/** Of two bytes a row. */
const ask = (rows: number, tenant = cms, bundled?: number) =>
  admission.admit(aRequest({ rows, bundled }), new CallOf(tenant));
const used = () => admission.usageOf(cms).use(clock.now());

describe("a request of a tenant", () => {
  it("without limits goes on with its own call", () => {
    const call = new CallOf(atlas);
    expect(admission.admit(aRequest({ rows: 1e3 }), call)).toBe(call);
    const anybody = new FakeCall();
    expect(admission.admit(aRequest(), anybody)).toBe(anybody);
  });

  it("that is over its quota is refused, and leaves those of others alone", () => {
    ask(10);
    expect(() => ask(1)).toThrow("tenant 'cms' is over its quota 'rowsPerSecond'");
    expect(() => ask(500, atlas)).not.toThrow();
  });

  it("holds its bytes until its last answer", () => {
    const call = ask(10);
    call.respond(answer, false);
    expect(used().concurrentBytes).toBe(20);
    call.timeline.dispatched = 1;
    call.respond(answer, true);
    expect(used()).toEqual({ rowsPerSecond: 10, concurrentBytes: 0 });
  });

  it("holds none any more when its client has gone, and whoever has it is told", () => {
    const client = new CallOf(cms);
    const call = admission.admit(aRequest({ rows: 4 }), client);
    let told = 0;
    call.onCancel = () => {
      told += 1;
    };
    client.hangUp();
    expect(told).toBe(1);
    expect(used().concurrentBytes).toBe(0);
    call.fail(full());
    expect(used()).toEqual({ rowsPerSecond: 4, concurrentBytes: 0 });
  });

  it("counts for nothing where no device ever had it", () => {
    const client = new CallOf(cms);
    admission.admit(aRequest({ rows: 4 }), client).fail(full());
    expect(client.errors).toHaveLength(1);
    expect(used()).toEqual({ rowsPerSecond: 0, concurrentBytes: 0 });
  });

  it("counts where a device failed it", () => {
    const call = ask(4);
    call.timeline.dispatched = 1;
    call.fail(full());
    expect(used()).toEqual({ rowsPerSecond: 4, concurrentBytes: 0 });
  });

  it("is counted once where it was bundled with others and goes on its own", () => {
    const bundle = ask(4, cms, 4);
    bundle.timeline.dispatched = 1;
    bundle.fail(full());
    for (let member = 0; member < 4; member += 1) ask(1);
    expect(used().rowsPerSecond).toBe(4);
  });

  it("is measured by the new limits as soon as they are known", () => {
    ask(10);
    quotas.set("cms", { rowsPerSecond: 20 });
    admission.changed([cms, atlas]);
    expect(() => ask(10)).not.toThrow();
    expect(() => ask(1)).toThrow("retry in 50 ms");
    quotas.delete("cms");
    admission.changed([cms]);
    expect(() => ask(1000)).not.toThrow();
  });
});
