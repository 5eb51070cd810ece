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

describe("a request that is answered", () => {
  it("counts as answered where its answer ends the stream, with its part of the batch", () => {
    const outcomes: RequestOutcome[] = [];
    const account = {
      request: (outcome: RequestOutcome) => void outcomes.push(outcome),
      ...{ execution() {}, response() {}, cacheMiss() {}, lost() {}, pending() {} },
    };
    const endings = new Endings(aSignature(), account, new VirtualClock());
    const instance = new FakeInstance("0");
    const timing = { inputUs: 1, inferUs: 8, outputUs: 1 };
    const output = {
      ...{ index: 0, datatype: "UINT8" as const, shape: [4, 2], data: new Uint8Array(8) },
    };
    const batch = [entryOf(new LastCall(), 1), entryOf(new FakeCall(), 3)];
    endings.answered(batch, { outputs: [output], timing, instance, release() {} });
    expect(outcomes).toMatchObject([
      { failure: undefined, rows: 1, batchRows: 4, bytesOut: 2, device: instance.report.device },
      { failure: undefined, rows: 3, batchRows: 4, bytesOut: 6 },
    ]);
  });
});
