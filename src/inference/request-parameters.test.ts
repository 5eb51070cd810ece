import { describe, expect, it } from "vitest";
import type { Parameter } from "./request.ts";
import { readRequestParameters } from "./request-parameters.ts";

const read = (parameters: Record<string, Parameter>) =>
  readRequestParameters(new Map(Object.entries(parameters)));
const int = (value: number | bigint): Parameter => ({ type: "int64", value });
const text = (value: string): Parameter => ({ type: "string", value });
const yes: Parameter = { type: "bool", value: true };

describe("the sequence of a request", () => {
  it.each([
    [int(7), 7n],
    [int(-1), 2n ** 64n - 1n],
    [int(-(2n ** 63n)), 2n ** 63n],
    [text("a name"), "a name"],
  ])("is named by %o", (sequence_id, id) => {
    const { sequence } = read({ sequence_id, sequence_start: yes });
    expect(sequence).toEqual({ id, start: true, end: false });
  });

  it.each([int(0), text("")])("is none for %o", (sequence_id) => {
    expect(read({ sequence_id, sequence_end: yes }).sequence).toBeUndefined();
  });

  it("is none where only a flag is given", () => {
    expect(read({ sequence_start: yes }).sequence).toBeUndefined();
  });
});

describe("parameters that neither the protocol nor the gateway knows", () => {
  it("are kept for the backend, and no others", () => {
    const { custom } = read({
      temperature: { type: "double", value: 0.5 },
      sequence_id: int(1),
      priority: int(2),
      timeout: int(3),
    });
    expect([...(custom ?? [])]).toEqual([["temperature", { type: "double", value: 0.5 }]]);
  });

  it("are undefined where there are none", () => {
    expect(read({ priority: int(1) }).custom).toBeUndefined();
    expect(readRequestParameters(undefined).custom).toBeUndefined();
  });
});
