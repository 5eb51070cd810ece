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
  it("are the status, and everything it tells in one field", () => {
    const parameters = of({
      beamgate_device: "cpu",
      beamgate_artifact: `sha256:${"a".repeat(64)}`,
    });
    for (const queueUs of [0, 7, 123_456_789]) {
      expect(trailers({ ...answer, parameters, batchRows: 64, queueUs })).toEqual({
        "grpc-status": "0",
        "beamgate-origin": `device=cpu; artifact=sha256:${"a".repeat(64)}; batch_size=64; queue_us=${queueUs}`,
      });
    }
  });

  it.each([1, 126, 127, 128, 254, 255, 3000])("may be %i characters long", (length) => {
    const parameters = of({ beamgate_x: "x".repeat(Math.max(0, length - 2)) });
    const text = trailers({ ...answer, parameters })?.["beamgate-origin"];
    expect(text).toBe(`x=${"x".repeat(Math.max(0, length - 2))}`);
  });

  it("carry what no header can as percent-encoded text, and leave out what is too long", () => {
    const parameters = of({
      beamgate_device: "plačka 1;\r\n",
      other: "not ours",
      beamgate_steps: "x".repeat(5000),
      beamgate_class: "ap_fixed<16,6>",
    });
    expect(trailers({ ...answer, parameters })).toEqual({
      "grpc-status": "0",
      "beamgate-origin": "device=pla%C4%8Dka%201%3B%0D%0A; class=ap_fixed<16,6>",
    });
  });

  it("are the usual ones where nothing is told", () => {
    expect(trailers(answer)).toBeUndefined();
  });
});
