import { beforeEach, describe, expect, it } from "vitest";
import { aRequest, aSignature, FakeCall } from "../../test/support/requests.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { StatusError } from "../errors.ts";
import type { Account, RequestOutcome } from "../inference/outcome.ts";
import { onePiece } from "../inference/pieces.ts";
import type { InferCall, InferRequest } from "../inference/request.ts";
import { CachedModel } from "./cached-model.ts";
import { ResponseCache } from "./response-cache.ts";
import type { Served } from "./served.ts";

/** Answers with the first byte of the input; remembers what it was asked. */
class FakeModel implements Served {
  readonly signature = aSignature();
  readonly asked: InferRequest[] = [];
  readonly inFlight = 0;
  readonly trouble = undefined;
  readonly instances = [];
  failing = false;

  submit(request: InferRequest, call: InferCall): void {
    this.asked.push(request);
    if (this.failing) {
      call.fail(new StatusError("INTERNAL", "broken"));
      return;
    }
    const data = request.inputs[0]?.data.pieces[0]?.slice(0, 1) ?? new Uint8Array(1);
    const output = { name: "y", datatype: "UINT8" as const, shape: [1, 1], data };
    call.respond({ model: "jets", version: "1", id: request.id, outputs: [output] }, true);
    // A view of a room, which the next batch overwrites.
    data.fill(255);
  }

  async drain(): Promise<void> {}
  async close(): Promise<void> {}
}

let cache: ResponseCache;
let model: FakeModel;
let hits: RequestOutcome[];
let misses: number;
const account: Account = {
  request: (outcome) => void hits.push(outcome),
  cacheMiss: () => void misses++,
  execution() {},
  response() {},
  lost() {},
  pending() {},
};
const cachedModel = (composed = false) =>
  new CachedModel({ model, cache, composed, account, clock: new VirtualClock() });

function ask(served: Served, request: Parameters<typeof aRequest>[0]): FakeCall {
  const call = new FakeCall();
  served.submit(aRequest(request), call);
  return call;
}

beforeEach(() => {
  cache = new ResponseCache(1_000_000);
  model = new FakeModel();
  hits = [];
  misses = 0;
});

describe("a request that insists on an artifact", () => {
  it("is not answered with what another artifact gave, and its answer is not kept", () => {
    const served = cachedModel();
    const wish = new Map([["beamgate_vendor", { type: "string", value: "intel" } as const]]);
    ask(served, { value: 7 });
    ask(served, { value: 7, parameters: wish });
    ask(served, { value: 7, parameters: wish });
    expect(model.asked).toHaveLength(3);
    expect(misses).toBe(1);
  });
});

describe("an equal request", () => {
  it("is answered without an execution, whatever its id, priority and time-out", () => {
    const served = cachedModel();
    ask(served, { value: 7 });
    const again = ask(served, { value: 7, id: "b", priority: 2, timeoutUs: 9 });
    expect(again.answers).toEqual([[7]]);
    expect(model.asked).toHaveLength(1);
    expect({ misses, hits: hits.length }).toEqual({ misses: 1, hits: 1 });
    expect(hits[0]).toMatchObject({
      failure: undefined,
      execution: undefined,
      cache: { hit: true },
    });
  });

  it("is one with the same bytes, however they arrived", () => {
    const served = cachedModel();
    const input = (pieces: Uint8Array[]) => ({
      inputs: [
        { index: 0, datatype: "UINT8" as const, shape: [1, 2], data: { byteLength: 2, pieces } },
      ],
    });
    ask(served, input([Uint8Array.of(1, 2)]));
    ask(served, input([Uint8Array.of(1), Uint8Array.of(2)]));
    expect(model.asked).toHaveLength(1);
  });

  it("is executed where the first one failed", () => {
    const served = cachedModel();
    model.failing = true;
    expect(ask(served, { value: 7 }).errors).toHaveLength(1);
    model.failing = false;
    expect(ask(served, { value: 7 }).answers).toEqual([[7]]);
  });
});

describe("a request counts as another one", () => {
  const tensor = (shape: number[]) => ({
    inputs: [
      { index: 0, datatype: "UINT8" as const, shape, data: onePiece(Uint8Array.of(1, 2, 3, 4)) },
    ],
  });
  it.each([
    ["of other bytes", { value: 1 }, { value: 2 }],
    ["of another shape", tensor([1, 4]), tensor([2, 2])],
    ["for other outputs", { outputs: [0] }, { outputs: [1, 0] }],
    [
      "with other parameters",
      { parameters: new Map([["a", { type: "bool" as const, value: true }]]) },
      {},
    ],
  ])("%s", (_, first, second) => {
    const served = cachedModel();
    ask(served, first);
    ask(served, second);
    expect(model.asked).toHaveLength(2);
  });

  it("to another load of the model", async () => {
    const served = cachedModel();
    ask(served, { value: 7 });
    ask(cachedModel(), { value: 7 });
    expect(model.asked).toHaveLength(2);
  });
});

it("memory shared with the client is read once: what is kept belongs to what was executed", () => {
  let reads = 0;
  const source = {
    copyTo: (target: Uint8Array, at: number) => void target.fill(++reads, at, at + 2),
  };
  const data = { byteLength: 2, pieces: [], source };
  const inputs = [{ index: 0, datatype: "UINT8" as const, shape: [1, 2], data }];
  const served = cachedModel();
  expect(ask(served, { inputs }).answers).toEqual([[1]]);
  expect(ask(served, { value: 1 }).answers).toEqual([[1]]);
  expect({ reads, executions: model.asked.length }).toEqual({ reads: 1, executions: 1 });
});

describe("the cache", () => {
  const answer = (bytes: number) => ({
    outputs: [
      { name: "y", datatype: "UINT8" as const, shape: [bytes], data: new Uint8Array(bytes) },
    ],
    parameters: undefined,
  });
  const owner = { composed: false };

  it("lets go of what was not used for longest", () => {
    const small = new ResponseCache(3 * 1024);
    for (const key of ["a", "b", "c"]) small.put(key, owner, answer(512));
    small.get("a");
    small.put("d", owner, answer(512));
    expect(["a", "b", "c", "d"].filter((key) => small.get(key))).toEqual(["a", "c", "d"]);
    expect(small.usedBytes).toBe(3 * 1024);
  });

  it("does not keep what is larger than itself", () => {
    const small = new ResponseCache(1024);
    small.put("a", owner, answer(10));
    small.put("b", owner, answer(2000));
    expect(small.get("b")).toBeUndefined();
    expect(small.get("a")).toBeDefined();
  });

  it("is empty of a version that was closed, and of ensembles when another model goes", async () => {
    const served = cachedModel();
    ask(served, { value: 7 });
    ask(cachedModel(true), { value: 7 });
    await served.close();
    expect(cache.usedBytes).toBeGreaterThan(0);
    cache.forgetComposed();
    expect(cache.usedBytes).toBe(0);
  });
});
