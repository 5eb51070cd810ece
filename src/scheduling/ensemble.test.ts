import { beforeEach, describe, expect, it } from "vitest";
import { aSignature, FakeCall } from "../../test/support/requests.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { StatusError } from "../errors.ts";
import type { EnsemblePlan, EnsembleStep } from "../inference/ensemble-plan.ts";
import type { Account, ExecutionOutcome, RequestOutcome } from "../inference/outcome.ts";
import { joinPieces, onePiece } from "../inference/pieces.ts";
import type {
  InferCall,
  InferRequest,
  InferResponse,
  ModelSignature,
  WireRequest,
} from "../inference/request.ts";
import { EnsembleScheduler } from "./ensemble.ts";

/** A request that a step got; the test answers it. */
interface Asked {
  readonly wire: WireRequest;
  readonly call: InferCall;
}

let clock: VirtualClock;
let asked: Asked[];
let held: number;
let requests: RequestOutcome[];
let executions: ExecutionOutcome[];
/** By model; the others have a batch axis and answer once. */
let signatures: Map<string, Partial<ModelSignature>>;
/** Models that answer at once, as a cache does. */
let prompt: Set<string>;

beforeEach(() => {
  clock = new VirtualClock();
  asked = [];
  held = 0;
  requests = [];
  executions = [];
  signatures = new Map();
  prompt = new Set();
});

const account: Account = {
  request: (outcome) => void requests.push(outcome),
  execution: (outcome) => void executions.push(outcome),
  response() {},
  lost() {},
  cacheMiss() {},
  pending() {},
};

function step(model: string, inputs: Record<string, string>, outputs: Record<string, string>) {
  const maps = {
    inputMap: new Map(Object.entries(inputs)),
    outputMap: new Map(Object.entries(outputs)),
  };
  return { model, version: "", ...maps } satisfies EnsembleStep;
}

const spec = (name: string) => ({ name, datatype: "UINT8", shape: [2] }) as const;

function ensemble(
  steps: readonly EnsembleStep[],
  given: Partial<ModelSignature> & Partial<EnsemblePlan> = {},
) {
  const { maxInflightRequests = 0, ...signature } = given;
  return new EnsembleScheduler({
    signature: aSignature({
      name: "whole",
      inputs: [spec("in")],
      outputs: [spec("out")],
      ...signature,
    }),
    plan: { steps, maxInflightRequests },
    line: {
      open(model, version) {
        const own = signatures.get(model);
        if (own?.name === "gone") throw new StatusError("NOT_FOUND", "it is gone");
        held += 1;
        return {
          signature: aSignature({ name: model, version, inputs: [spec("x"), spec("z")], ...own }),
          infer(wire, call) {
            asked.push({ wire, call });
            if (prompt.has(model)) answer(model, 1);
          },
          release: () => (held -= 1),
        };
      },
      troubleOf: (model) => (model === "sick" ? "no device left" : undefined),
    },
    account,
    clock,
  });
}

function aRequest(scheduler: EnsembleScheduler, given: Partial<InferRequest> = {}): InferRequest {
  const { signature } = scheduler;
  const data = onePiece(new Uint8Array([7, 7]));
  return {
    id: "id",
    signature,
    inputs: signature.inputs.map((_, index) => ({ index, datatype: "UINT8", shape: [1, 2], data })),
    outputs: signature.outputs.map((_, index) => index),
    rows: 1,
    batchKey: "",
    alone: false,
    priority: 0,
    timeoutUs: 0,
    ...given,
  };
}

class Client extends FakeCall {
  readonly responses: {
    readonly outputs: Record<string, readonly number[]>;
    readonly final: boolean;
  }[] = [];
  readonly shapes: (readonly number[])[] = [];

  override respond(response: InferResponse, final = true): void {
    const outputs = response.outputs.map(({ name, data }) => [name, [...data]]);
    this.responses.push({ outputs: Object.fromEntries(outputs), final });
    for (const { shape } of response.outputs) this.shapes.push(shape);
  }
}

class StreamClient extends Client {
  readonly manyResponses = true;
}

function submit(
  scheduler: EnsembleScheduler,
  given: Partial<InferRequest> = {},
  call = new Client(),
) {
  scheduler.submit(aRequest(scheduler, given), call);
  return call;
}

/** Models that were asked and have not answered, in order. */
const open = () => asked.map(({ wire }) => wire.model);

/** Answers the first request that a model got with `value` in every byte of every output; the bytes are gone then. */
function answer(model: string, value: number, final = true): WireRequest {
  const at = asked.findIndex(({ wire }) => wire.model === model);
  const { wire, call } = asked[at] as Asked;
  if (final) asked.splice(at, 1);
  const data = new Uint8Array([value, value]);
  const outputs = wire.outputs.map(({ name }) => ({
    name,
    datatype: "UINT8" as const,
    shape: [1, 2],
    data,
  }));
  call.timeline.execution = { inputUs: 1, inferUs: 10, outputUs: 2 };
  call.respond({ model, version: "1", id: wire.id, outputs }, final);
  data.fill(0);
  return wire;
}

const valuesOf = (wire: WireRequest | undefined) =>
  Object.fromEntries(
    wire?.inputs.map(({ name, data }) => [
      name,
      joinPieces(data ?? onePiece(new Uint8Array()))[0],
    ]) ?? [],
  );

const CHAIN = [step("a", { x: "in" }, { y: "mid" }), step("b", { x: "mid" }, { y: "out" })];
/** One step feeds two, which feed one. */
const DIAMOND = [
  step("join", { x: "left", z: "right" }, { y: "out" }),
  step("first", { x: "in" }, { y: "begin" }),
  step("l", { x: "begin" }, { y: "left" }),
  step("r", { x: "begin" }, { y: "right" }),
];

describe("a request on its way through an ensemble", () => {
  it("runs each step with what the one before answered", () => {
    const client = submit(ensemble(CHAIN));
    expect(open()).toEqual(["a"]);
    expect(valuesOf(asked[0]?.wire)).toEqual({ x: 7 });
    answer("a", 3);
    expect([open(), valuesOf(asked[0]?.wire)]).toEqual([["b"], { x: 3 }]);
    answer("b", 4);
    expect(client.responses).toEqual([{ outputs: { out: [4, 4] }, final: true }]);
    expect(held).toBe(0);
  });

  it("runs independent steps at once, and joins what they answer", () => {
    const client = submit(ensemble(DIAMOND));
    answer("first", 1);
    expect(open()).toEqual(["l", "r"]);
    answer("r", 5);
    expect(open()).toEqual(["l"]);
    answer("l", 6);
    expect(valuesOf(asked[0]?.wire)).toEqual({ x: 6, z: 5 });
    answer("join", 9);
    expect(client.responses).toEqual([{ outputs: { out: [9, 9] }, final: true }]);
  });

  it("takes steps that answer at once", () => {
    for (const model of ["first", "l", "r", "join"]) prompt.add(model);
    const client = submit(ensemble(DIAMOND));
    expect(client.responses).toEqual([{ outputs: { out: [1, 1] }, final: true }]);
    expect([client.errors, held]).toEqual([[], 0]);
  });

  it("leaves out what leads to no output that was asked for", () => {
    const steps = [step("a", { x: "in" }, { y: "out" }), step("b", { x: "in" }, { y: "other" })];
    const scheduler = ensemble(steps, { outputs: [spec("out"), spec("other")] });
    const client = submit(scheduler, { outputs: [1] });
    expect(open()).toEqual(["b"]);
    answer("b", 2);
    expect(client.responses).toEqual([{ outputs: { other: [2, 2] }, final: true }]);
  });

  it("keeps an output that is complete before the others", () => {
    const steps = [step("a", { x: "in" }, { y: "early" }), step("b", { x: "in" }, { y: "out" })];
    const scheduler = ensemble(steps, { outputs: [spec("out"), spec("early")] });
    const client = submit(scheduler);
    answer("a", 1);
    answer("b", 2);
    expect(client.responses[0]?.outputs).toEqual({ out: [2, 2], early: [1, 1] });
  });

  it("does not hand on an optional input that is not there", () => {
    const both = [step("a", { x: "in", z: "maybe" }, { y: "out" })];
    const scheduler = ensemble(both, {
      inputs: [spec("in"), { ...spec("maybe"), optional: true }],
    });
    const [input] = aRequest(scheduler).inputs;
    submit(scheduler, { inputs: input === undefined ? [] : [input] });
    expect(asked[0]?.wire.inputs.map(({ name }) => name)).toEqual(["x"]);
  });

  it("gives steps what the client said beside its tensors", () => {
    submit(ensemble(CHAIN), {
      priority: 2,
      timeoutUs: 500,
      reproducible: true,
      sequence: { id: 2n ** 64n - 1n, start: true, end: false },
      parameters: new Map([["mine", { type: "string", value: "kept" }]]),
    });
    answer("a", 1);
    const { wire } = asked[0] as Asked;
    expect([wire.id, wire.version]).toEqual(["id", ""]);
    expect(Object.fromEntries(wire.parameters ?? [])).toEqual({
      mine: { type: "string", value: "kept" },
      priority: { type: "uint64", value: 2 },
      timeout: { type: "int64", value: 500 },
      reproducible: { type: "bool", value: true },
      sequence_id: { type: "int64", value: -1n },
      sequence_start: { type: "bool", value: true },
      sequence_end: { type: "bool", value: false },
    });
  });
});

describe("shapes between models with and without a batch axis", () => {
  it.each([
    ["a batched tensor loses one row's axis", 0, [2], [1, 2], [2]],
    ["but not where the model has that axis itself", 0, [-1, 2], [1, 2], [1, 2]],
    ["a batched model gets it as it is", 64, [2], [1, 2], [1, 2]],
  ])("%s", (_, maxBatchSize, shape, given, expected) => {
    signatures.set("a", { maxBatchSize, inputs: [{ ...spec("x"), shape }] });
    const scheduler = ensemble([step("a", { x: "in" }, { y: "out" })]);
    const data = onePiece(new Uint8Array(2));
    submit(scheduler, { inputs: [{ index: 0, datatype: "UINT8", shape: given, data }] });
    expect(asked[0]?.wire.inputs[0]?.shape).toEqual(expected);
  });

  it("an unbatched tensor gets a row's axis, and loses it again in the answer", () => {
    signatures.set("a", { inputs: [spec("x")] });
    const scheduler = ensemble([step("a", { x: "in" }, { y: "out" })], { maxBatchSize: 0 });
    const data = onePiece(new Uint8Array(2));
    const client = submit(scheduler, {
      inputs: [{ index: 0, datatype: "UINT8", shape: [2], data }],
    });
    expect(asked[0]?.wire.inputs[0]?.shape).toEqual([1, 2]);
    answer("a", 1);
    expect(client.shapes).toEqual([[2]]);
  });
});

describe("a step that fails", () => {
  it("fails the request once, in the name of the ensemble; the others are given up", () => {
    const client = submit(ensemble(DIAMOND));
    answer("first", 1);
    const [left, right] = asked;
    left?.call.fail(new StatusError("UNAVAILABLE", "the device is gone"));
    right?.call.fail(new StatusError("INTERNAL", "this, too"));
    expect(client.errors.map(({ code, message }) => [code, message])).toEqual([
      ["UNAVAILABLE", "in ensemble 'whole', the device is gone"],
    ]);
    expect(right?.call.cancelled).toBe(true);
    expect([held, requests.map(({ failure }) => failure)]).toEqual([0, ["OTHER"]]);
  });

  it("also where its model is not there: nothing runs", () => {
    signatures.set("b", { name: "gone" });
    const client = submit(ensemble(CHAIN));
    expect([asked.length, held]).toEqual([0, 0]);
    expect(client.errors[0]?.message).toBe("in ensemble 'whole', it is gone");
  });

  it("or that leaves out what is needed: the client is told, not left waiting", () => {
    const client = submit(ensemble([step("a", { x: "in" }, { y: "out" })], { decoupled: false }));
    const { call } = asked[0] as Asked;
    signatures.set("a", {});
    call.respond({ model: "a", version: "1", id: "", outputs: [] }, true);
    // As in Triton, an output that its step left out is left out of the answer.
    expect(client.responses).toEqual([{ outputs: {}, final: true }]);
  });
});

describe("a client that hangs up", () => {
  it("takes its steps along, and is counted", () => {
    const scheduler = ensemble(DIAMOND);
    const client = submit(scheduler);
    answer("first", 1);
    let cancelled = 0;
    for (const { call } of asked) call.onCancel = () => cancelled++;
    client.hangUp();
    expect([cancelled, held, scheduler.inFlight]).toEqual([2, 0, 0]);
    answer("l", 1);
    expect([client.told, client.responses]).toEqual([0, []]);
    expect(requests.map(({ failure }) => failure)).toEqual(["CANCELED"]);
  });

  it("hands its deadline to its steps", () => {
    const call = new (class extends Client {
      override readonly deadline = 1234;
    })();
    submit(ensemble(CHAIN), {}, call);
    expect(asked[0]?.call.deadline).toBe(1234);
  });
});

describe("a decoupled step", () => {
  beforeEach(() => void signatures.set("a", { decoupled: true }));
  const stream = (given: Parameters<typeof ensemble>[1] = {}) =>
    submit(ensemble(CHAIN, { decoupled: true, ...given }), {}, new StreamClient());

  it("sends each of its answers on by itself", () => {
    const client = stream();
    answer("a", 1, false);
    answer("a", 2, false);
    expect(open()).toEqual(["a", "b", "b"]);
    answer("b", 11);
    asked[0]?.call.respond({ model: "a", version: "1", id: "", outputs: [] }, true);
    answer("b", 12);
    expect(client.responses).toEqual([
      { outputs: { out: [11, 11] }, final: false },
      { outputs: { out: [12, 12] }, final: true },
    ]);
  });

  it("may answer nothing at all", () => {
    const client = stream();
    asked[0]?.call.respond({ model: "a", version: "1", id: "", outputs: [] }, true);
    expect(client.responses).toEqual([{ outputs: {}, final: true }]);
    expect(requests.map(({ failure }) => failure)).toEqual([undefined]);
  });

  it("says that it was the last when the last answer is out already", () => {
    const client = stream();
    answer("a", 1, false);
    answer("b", 11);
    asked[0]?.call.respond({ model: "a", version: "1", id: "", outputs: [] }, true);
    expect(client.responses.map(({ final }) => final)).toEqual([false, true]);
  });

  it("has no more under way than it may", () => {
    const client = stream({ maxInflightRequests: 2 });
    for (const value of [1, 2, 3]) answer("a", value, false);
    asked[0]?.call.respond({ model: "a", version: "1", id: "", outputs: [] }, true);
    asked.shift();
    expect(open()).toEqual(["b", "b"]);
    answer("b", 11);
    expect(open()).toEqual(["b", "b"]);
    expect(valuesOf(asked[1]?.wire)).toEqual({ x: 3 });
    answer("b", 12);
    answer("b", 13);
    expect(client.responses.map(({ final }) => final)).toEqual([false, false, true]);
  });
});

describe("what is counted", () => {
  it("is one execution of the ensemble, with the times of its steps", async () => {
    const scheduler = ensemble(CHAIN);
    const client = submit(scheduler, { rows: 1 });
    await clock.advance(5);
    answer("a", 1);
    answer("b", 1);
    const timing = { inputUs: 2, inferUs: 20, outputUs: 4 };
    expect(requests).toMatchObject([{ rows: 1, failure: undefined, execution: timing }]);
    expect(executions).toMatchObject([{ rows: 1, timing }]);
    expect(client.timeline).toMatchObject({
      queued: 0,
      dispatched: 0,
      answered: 5,
      execution: timing,
    });
  });
});

describe("taking an ensemble out of service", () => {
  it("drains: takes nothing more, answers what is under way", async () => {
    const scheduler = ensemble(CHAIN);
    const client = submit(scheduler);
    let drained = false;
    void scheduler.drain().then(() => (drained = true));
    expect(() => submit(scheduler)).toThrow(/stopped accepting new inference requests/);
    answer("a", 1);
    await clock.advance(0);
    expect(drained).toBe(false);
    answer("b", 1);
    await clock.advance(0);
    expect([drained, client.responses.length]).toEqual([true, 1]);
  });

  it("closes: fails what is under way", async () => {
    const scheduler = ensemble(CHAIN);
    const [client, other] = [submit(scheduler), submit(scheduler)];
    await scheduler.close();
    expect([client.errors.length, other.errors.length, scheduler.inFlight, held]).toEqual([
      1, 1, 0, 0,
    ]);
  });

  it("is in trouble where a step is", () => {
    const sick = ensemble([step("sick", { x: "in" }, { y: "out" })]);
    expect(sick.trouble).toBe("ensemble 'whole' depends on 'sick': no device left");
    expect(ensemble(CHAIN).trouble).toBeUndefined();
  });
});
