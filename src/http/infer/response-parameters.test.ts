import { describe, expect, it } from "vitest";
import type { Parameters } from "../../inference/request.ts";
import { originHeader, parametersJson } from "./response-parameters.ts";

const parameters: Parameters = new Map([
  ["beamgate_device", { type: "string", value: "größe" }],
  ["beamgate_emulated", { type: "bool", value: true }],
  ["beamgate_generation", { type: "int64", value: 2n ** 60n }],
]);

describe("parameters of an answer over HTTP", () => {
  it("are members of its JSON, as bytes", () => {
    const json = parametersJson({ parameters, batchRows: 3, queueUs: 12 }) ?? "";
    expect(Buffer.from(json, "latin1").toString()).toBe(
      '{"beamgate_device":"größe","beamgate_emulated":true,"beamgate_generation":1152921504606846976,"beamgate_batch_size":3,"beamgate_queue_us":12}',
    );
    expect(parametersJson({})).toBeUndefined();
    expect(parametersJson({ queueUs: 5 })).toBe('{"beamgate_queue_us":5}');
  });

  it("are a header, percent-encoded where it has to be", () => {
    const told = { parameters, batchRows: 3, queueUs: 12 };
    expect(originHeader(told)).toBe(
      "device=gr%C3%B6%C3%9Fe; emulated=true; generation=1152921504606846976; batch_size=3; queue_us=12",
    );
    expect(originHeader({})).toBeUndefined();
  });
});
