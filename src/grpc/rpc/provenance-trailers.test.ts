import { describe, expect, it } from "vitest";
import type { InferResponse, Parameter, Parameters } from "../../inference/request.ts";
import { HpackDecoder } from "../http2/hpack-decoder.ts";
import { provenanceTrailers } from "./provenance-trailers.ts";

const answer = { model: "jets", version: "1", id: "7", outputs: [] };
const of = (values: Record<string, string>): Parameters =>
  new Map(
    Object.entries(values).map(([key, value]): [string, Parameter] => [
      key,
      { type: "string", value },
    ]),
  );

function trailers(response: InferResponse): Record<string, string> | undefined {
  const block = provenanceTrailers(response);
  if (block === undefined) return undefined;
  const fields: Record<string, string> = {};
  new HpackDecoder().decode(block, 0, block.length, ({ name, value }) => {
    fields[name] = value;
  });
  return fields;
}

describe("trailers of a unary answer", () => {
  it("are its parameters, spelt as headers, with the status", () => {
    const parameters = of({
      beamgate_device: "cpu",
      beamgate_artifact: `sha256:${"a".repeat(64)}`,
    });
    for (const queueUs of [0, 7, 123_456_789]) {
      expect(trailers({ ...answer, parameters, batchRows: 64, queueUs })).toEqual({
        "grpc-status": "0",
        "beamgate-device": "cpu",
        "beamgate-artifact": `sha256:${"a".repeat(64)}`,
        "beamgate-batch-size": "64",
        "beamgate-queue-us": String(queueUs),
      });
    }
  });

  it("carry what no header can as percent-encoded text, and leave out what is too long for one", () => {
    const parameters = of({ beamgate_device: "plačka 1\r\n", beamgate_steps: "x".repeat(2000) });
    expect(trailers({ ...answer, parameters })).toEqual({
      "grpc-status": "0",
      "beamgate-device": "pla%C4%8Dka%201%0D%0A",
    });
  });

  it("are the usual ones where nothing is told", () => {
    expect(trailers(answer)).toBeUndefined();
  });
});
