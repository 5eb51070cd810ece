import { describe, expect, it } from "vitest";
import type { Parameters } from "../../inference/request.ts";
import { parametersJson, provenanceHeaders, provenanceLines } from "./response-parameters.ts";

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

  it("are headers, percent-encoded where they have to be", () => {
    const told = { parameters, batchRows: 3, queueUs: 12 };
    expect(provenanceLines(told).split("\r\n")).toEqual([
      "Beamgate-Device: gr%C3%B6%C3%9Fe",
      "Beamgate-Emulated: true",
      "Beamgate-Generation: 1152921504606846976",
      "Beamgate-Batch-Size: 3",
      "Beamgate-Queue-Us: 12",
      "",
    ]);
    expect(provenanceHeaders(told).slice(0, 4)).toEqual([
      "Beamgate-Device",
      "gr%C3%B6%C3%9Fe",
      "Beamgate-Emulated",
      "true",
    ]);
    expect(provenanceLines({})).toBe("");
    expect(provenanceHeaders({})).toEqual([]);
  });
});
