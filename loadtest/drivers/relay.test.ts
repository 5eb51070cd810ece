import { describe, expect, it } from "vitest";
import { onePiece } from "../../src/inference/pieces.ts";
import { feedOf } from "./relay.ts";

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

function output(name: string, shape: readonly number[], ...values: number[]) {
  return {
    name,
    datatype: "FP32",
    shape,
    parameters: undefined,
    data: onePiece(floats(...values)),
  };
}

function feed(shape: readonly number[], map: Record<string, string> = { x: "event" }) {
  const inputs = [{ name: "x", datatype: "FP32", shape }];
  return feedOf({ model: "judge", version: "2", map, inputs });
}

describe("outputs that become inputs of another model", () => {
  it("keep their elements and take the input's name and shape", () => {
    const request = feed([-1, 2])([output("other", [1], 0), output("event", [4], 1, 2, 3, 4)]);
    expect(request).toMatchObject({
      ...{ model: "judge", version: "2" },
      inputs: [{ name: "x", datatype: "FP32", shape: [2, 2] }],
    });
    expect(request.inputs[0]?.data?.pieces[0]).toEqual(floats(1, 2, 3, 4));
  });

  it("go with the parameters of the other model", () => {
    const parameters = new Map([["beamgate_vendor", { type: "string", value: "intel" } as const]]);
    const inputs = [{ name: "x", datatype: "FP32", shape: [2] }];
    const judge = feedOf({ model: "judge", version: "", parameters, map: { x: "e" }, inputs });
    expect(judge([output("e", [2], 1, 2)]).parameters).toBe(parameters);
  });

  it("keep their shape where the input leaves several axes open", () => {
    const four = [1, 2, 3, 4] as const;
    expect(feed([-1, -1])([output("event", [2, 2], ...four)]).inputs[0]?.shape).toEqual([2, 2]);
    expect(() => feed([-1, -1, 1])([output("event", [2, 2], ...four)])).toThrow("does not fill");
  });

  it("are refused with what does not fit", () => {
    expect(() => feed([-1, 2])([output("e", [2], 1, 2)])).toThrow("no output 'event'");
    expect(() => feed([-1, 3])([output("event", [2], 1, 2)])).toThrow("does not fill input 'x'");
    const integers = { ...output("event", [2], 1, 2), datatype: "INT32" };
    expect(() => feed([-1, 2])([integers])).toThrow("is INT32, input 'x' wants FP32");
  });
});
