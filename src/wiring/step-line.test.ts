import { describe, expect, it } from "vitest";
import { aSignature, FakeCall } from "../../test/support/requests.ts";
import { StatusError } from "../errors.ts";
import type { InferRequest } from "../inference/request.ts";
import type { ServedModel } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";
import { StepLine } from "./step-line.ts";

const submitted: InferRequest[] = [];
const loaded = {
  signature: aSignature(),
  submit: (request: InferRequest) => void submitted.push(request),
} as unknown as Served;
const served = {
  definition: { signature: aSignature() },
  loaded,
} as unknown as ServedModel<Served>;

const line = new StepLine(
  (model) => {
    if (model === "jets") return served;
    throw new StatusError("NOT_FOUND", `'${model}' is not found`);
  },
  () => undefined,
  () => {},
);

describe("the way from an ensemble to the models of its steps", () => {
  it("checks a step's request as it does a client's", () => {
    const step = line.open("jets", "");
    const call = new FakeCall();
    const wire = { model: "jets", version: "", id: "", parameters: undefined, outputs: [] };
    step.infer({ ...wire, inputs: [], dataError: undefined }, call);
    expect([submitted.length, call.errors[0]?.code]).toEqual([0, "INVALID_ARGUMENT"]);
    const data = { byteLength: 2, pieces: [new Uint8Array(2)] };
    const inputs = [{ name: "x", datatype: "UINT8", shape: [1, 2], parameters: undefined, data }];
    step.infer({ ...wire, inputs, dataError: undefined }, new FakeCall());
    expect(submitted).toHaveLength(1);
    step.release();
  });

  it("throws for a model that does not serve", () => {
    expect(() => line.open("nobody", "")).toThrow(/not found/);
  });

  it("keeps a model until the last of its holders let go", async () => {
    await line.free(loaded);
    const [first, second] = [line.open("jets", ""), line.open("jets", "1")];
    let free = false;
    const freed = line.free(loaded).then(() => (free = true));
    first.release();
    await Promise.resolve();
    expect(free).toBe(false);
    second.release();
    await freed;
    expect(free).toBe(true);
  });
});
