import { describe, expect, it } from "vitest";
import { FakeInstance } from "../../test/support/fake-instance.ts";
import { aRequest, aSignature, FakeCall } from "../../test/support/requests.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import type { RequestOutcome } from "../inference/outcome.ts";
import type { InferResponse } from "../inference/request.ts";
import { Endings } from "./endings.ts";
import { newEntry } from "./entry.ts";

/** The last request of a stream that its client has half-closed: nobody listens once it is answered. */
class LastCall extends FakeCall {
  override respond(response: InferResponse): void {
    super.respond(response);
    this.cancelled = true;
  }
}

const entryOf = (call: FakeCall, rows: number) => newEntry(aRequest({ rows }), call, 0);

/** Told of what ended, in its order. */
function accountInto(outcomes: RequestOutcome[]) {
  return {
    request: (outcome: RequestOutcome) => void outcomes.push(outcome),
    ...{ execution() {}, response() {}, cacheMiss() {}, lost() {}, pending() {} },
  };
}

/** What executing a batch of so many rows gave: two bytes a row. */
const executed = (rows: number) => ({
  outputs: [
    {
      ...{ index: 0, datatype: "UINT8" as const, shape: [rows, 2] },
      data: new Uint8Array(2 * rows),
    },
  ],
  timing: { inputUs: 1, inferUs: 8, outputUs: 1 },
  instance: new FakeInstance("0"),
  release() {},
});

describe("a request that is answered", () => {
  it("counts as answered where its answer ends the stream, with its part of the batch", () => {
    const outcomes: RequestOutcome[] = [];
    const endings = new Endings(aSignature(), accountInto(outcomes), new VirtualClock());
    const ran = executed(4);
    const batch = [entryOf(new LastCall(), 1), entryOf(new FakeCall(), 3)];
    endings.answered(batch, ran);
    const { device } = ran.instance.report;
    expect(outcomes).toMatchObject([
      { failure: undefined, rows: 1, batchRows: 4, bytesOut: 2, device },
      { failure: undefined, rows: 3, batchRows: 4, bytesOut: 6 },
    ]);
  });

  it("is accounted for when all of its batch have their answers, at one time", () => {
    let now = 5;
    const clock = Object.assign(new VirtualClock(), { now: () => now });
    const outcomes: RequestOutcome[] = [];
    const ended: number[] = [];
    /** Whose answer takes a millisecond. */
    class SlowCall extends FakeCall {
      override respond(response: InferResponse): void {
        ended.push(outcomes.length);
        super.respond(response);
        now += 1;
      }
    }
    const calls = [new SlowCall(), new SlowCall(), new SlowCall()];
    const endings = new Endings(aSignature(), accountInto(outcomes), clock);
    const batch = calls.map((call) => entryOf(call, 1));
    endings.answered(batch, executed(3));
    expect(ended).toEqual([0, 0, 0]);
    expect(outcomes.map(({ timeline }) => timeline.answered)).toEqual([8, 8, 8]);
  });

  it("fails where its answer can not be given; those before it stay answered, those after it fail, too", () => {
    class BrokenCall extends FakeCall {
      override respond(): void {
        throw new Error("no way back");
      }
    }
    const calls = [new FakeCall(), new BrokenCall(), new FakeCall()];
    const outcomes: RequestOutcome[] = [];
    const endings = new Endings(aSignature(), accountInto(outcomes), new VirtualClock());
    const batch = calls.map((call) => entryOf(call, 1));
    endings.answered(batch, executed(3));
    expect(outcomes.map(({ failure }) => failure)).toEqual([undefined, "BACKEND", "BACKEND"]);
    const told = calls.map(({ errors }) => errors.map(({ message }) => message));
    expect(told).toEqual([[], ["no way back"], ["no way back"]]);
  });
});
