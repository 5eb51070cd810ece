import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Random } from "../../../models/make/random.ts";
import type { ModelFacts } from "../../drivers/control/control.ts";
import { uniform } from "../../measure/uniform.ts";
import { arrivalsAt, arrivalsBy, readIntervals } from "./arrivals.ts";
import { type RequestFlags, requestsOf } from "./requests.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-flags-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function facts(changes: Partial<ModelFacts> = {}): ModelFacts {
  return {
    ...{ name: "m", versions: ["1"], platform: "", outputs: [], maxBatchSize: 8 },
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2] }],
    instances: undefined,
    ...changes,
  };
}

function requests(changes: Partial<RequestFlags> = {}, model = facts()) {
  const flags = {
    ...{ batchSize: 1, shapes: new Map(), inputData: "random", parameters: undefined, outputs: [] },
    ...changes,
  };
  return requestsOf(model, "", flags, new Random(1));
}

const bytesOf = (pooled: ReturnType<typeof requests>[number] | undefined) =>
  Buffer.from(pooled?.request.inputs[0]?.data?.pieces[0] ?? []);

describe("requests by metadata", () => {
  it("are random, different from each other, and the same for the same seed", () => {
    const [first, second] = requests();
    expect(first?.request.inputs[0]?.shape).toEqual([1, 2]);
    expect(bytesOf(first).equals(bytesOf(second))).toBe(false);
    expect(bytesOf(first).equals(bytesOf(requests()[0]))).toBe(true);
  });

  it("are as many rows as are asked for, where the model takes them", () => {
    expect(bytesOf(requests({ batchSize: 4, inputData: "zero" })[0])).toEqual(Buffer.alloc(32));
    expect(() => requests({ batchSize: 9 })).toThrow("takes at most 8 rows");
    expect(() => requests({ batchSize: 2 }, facts({ maxBatchSize: 0 }))).toThrow("no batch axis");
  });

  it("need a shape where the model leaves one open", () => {
    const open = facts({ inputs: [{ name: "x", datatype: "INT64", shape: [-1, -1, 3] }] });
    expect(() => requests({}, open)).toThrow("--shape x:N,3");
    const [first] = requests({ shapes: new Map([["x", [5, 3]]]) }, open);
    expect(first?.request.inputs[0]?.shape).toEqual([1, 5, 3]);
    expect(() => requests({ shapes: new Map([["y", [1]]]) }, open)).toThrow("the model has x");
  });

  it("take an open first axis for the batch's, where the server does not tell", () => {
    const [first] = requests({ batchSize: 3 }, facts({ maxBatchSize: undefined }));
    expect(first?.request.inputs[0]?.shape).toEqual([3, 2]);
  });

  it("come from perf_analyzer's file, one row repeated", () => {
    const inputData = file("data.json", '{"data": [{"x": [1, 2]}, {"x": {"content": [3, 4]}}]}');
    const [first, second] = requests({ batchSize: 2, inputData });
    const floats = (bytes: Buffer) => [0, 4, 8, 12].map((at) => bytes.readFloatLE(at));
    expect(floats(bytesOf(first))).toEqual([1, 2, 1, 2]);
    expect(floats(bytesOf(second))).toEqual([3, 4, 3, 4]);
  });

  it("are refused with the place of the mistake", () => {
    expect(() => requests({ inputData: "/nowhere" })).toThrow("expected zero, random or a JSON");
    expect(() => requests({ inputData: file("a.json", '{"data": [{"y": [1]}]}') })).toThrow(
      "no data for input 'x'",
    );
    expect(() => requests({ inputData: file("b.json", '{"data": [{"x": [1]}]}') })).toThrow(
      "has 1 values where 2 are wanted",
    );
  });
});

describe("arrivals by flags", () => {
  it("are even", () => {
    expect([...arrivalsAt(1000, 5, "constant", uniform(1))]).toEqual([0, 1e6, 2e6, 3e6, 4e6]);
  });

  it("are as many as a Poisson process has, with exponential gaps", () => {
    const times = arrivalsAt(10_000, 10_000, "poisson", uniform(3));
    expect(Math.abs(times.length - 100_000)).toBeLessThan(1500);
    let beyondMean = 0;
    for (let at = 1; at < times.length; at++) {
      if ((times[at] ?? 0) - (times[at - 1] ?? 0) > 1e5) beyondMean += 1;
    }
    expect(Math.abs(beyondMean / times.length - Math.exp(-1))).toBeLessThan(0.01);
  });

  it("follow a file of intervals, over and over", () => {
    const intervals = readIntervals(file("intervals", "100\n200\n"));
    expect([...arrivalsBy(intervals, 0.7)]).toEqual([100_000, 300_000, 400_000, 600_000]);
    expect(() => readIntervals(file("bad", "100\nsoon\n"))).toThrow("entry 2 is no time");
    expect(() => readIntervals(file("none", "0\n"))).toThrow("no intervals above 0");
  });
});
