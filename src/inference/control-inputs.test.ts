import { describe, expect, it } from "vitest";
import type { Datatype } from "../../backends/contract.ts";
import { aRequest, aSignature } from "../../test/support/requests.ts";
import { checkCorrelation, controlInput } from "./control-inputs.ts";
import type { MadeInput, SequenceControl } from "./made-inputs.ts";
import type { SequenceMark } from "./request.ts";
import { sequenceKey } from "./sequence-key.ts";

type Control = Extract<MadeInput, { readonly from: "sequence" }>;

function aControl(control: SequenceControl, datatype: Datatype): Control {
  const spec = { name: control, datatype, shape: [1] };
  const values = { false: Uint8Array.of(7), true: Uint8Array.of(9) };
  return { from: "sequence", spec, control, ...(control === "CORRID" ? {} : { values }) };
}

const mark = (given: Partial<SequenceMark> = {}): SequenceMark => ({
  id: 1n,
  start: false,
  end: false,
  ...given,
});
const of = (control: Control, marks: readonly SequenceMark[], maxBatchSize = 4) =>
  controlInput(
    control,
    marks.map((sequence) => aRequest({ sequence, signature: aSignature({ maxBatchSize }) })),
  );

describe("a control input", () => {
  const marks = [mark({ start: true }), mark({ end: true }), mark({ ready: false })];

  it.each([
    ["START", [9, 7, 7]],
    ["END", [7, 9, 7]],
    ["READY", [9, 9, 7]],
  ] as const)("%s has the configured values, a row per request", (control, expected) => {
    const { shape, data } = of(aControl(control, "BOOL"), marks);
    expect(shape).toEqual([3, 1]);
    expect([...data]).toEqual(expected);
  });

  it("has one element in a model without a batch axis", () => {
    expect(of(aControl("START", "BOOL"), [mark()], 0).shape).toEqual([1]);
  });

  it.each([
    ["UINT64", 2n ** 64n - 1n, Array(8).fill(255)],
    ["INT64", 258n, [2, 1, 0, 0, 0, 0, 0, 0]],
    ["UINT32", 258n, [2, 1, 0, 0]],
    ["INT32", BigInt.asUintN(64, -2n), [254, 255, 255, 255]],
    ["BYTES", "ab", [2, 0, 0, 0, 97, 98]],
    ["BYTES", 12n, [2, 0, 0, 0, 49, 50]],
  ] as const)("CORRID is the id as %s: %s", (datatype, id, expected) => {
    const { data } = of(aControl("CORRID", datatype), [mark({ id })]);
    expect([...data]).toEqual(expected);
  });
});

describe("an id that the model cannot be told", () => {
  const check = (datatype: Datatype, id: bigint | string) => () =>
    checkCorrelation(aSignature({ made: [aControl("CORRID", datatype)] }), mark({ id }));

  it.each([
    ["UINT32", 2n ** 32n],
    ["INT32", 2n ** 31n],
    ["UINT64", "a text"],
  ] as const)("is refused for %s: %s", (datatype, id) => {
    expect(check(datatype, id)).toThrow(/does not fit control input 'CORRID'/);
  });

  it.each([
    ["UINT32", 2n ** 32n - 1n],
    ["INT32", BigInt.asUintN(64, -(2n ** 31n))],
    ["INT64", 2n ** 64n - 1n],
    ["BYTES", "a text"],
  ] as const)("does not exist for %s: %s", (datatype, id) => {
    expect(check(datatype, id)).not.toThrow();
  });

  it("does not exist in a model without CORRID", () => {
    expect(() => checkCorrelation(aSignature(), mark({ id: "a text" }))).not.toThrow();
  });
});

describe("the key of a sequence", () => {
  it("tells numbers from texts that look like them", () => {
    const ids = [9n, "9", '"9"', "nine", "-9", BigInt.asUintN(64, -9n)];
    expect(new Set(ids.map(sequenceKey)).size).toBe(ids.length);
    expect([sequenceKey(9n), sequenceKey("nine")]).toEqual(["9", "nine"]);
  });
});
