import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openOnnx } from "../../models/make/onnx/run-onnx.ts";
import { npyHeader } from "../../src/npz/npy-header.ts";
import { writeNpz } from "../../src/npz/write-npz.ts";
import { packageRoot } from "../../src/package-root.ts";
import { defaultModelShape } from "../../test/support/model-shapes.ts";
import { encodeTraceLine } from "../../test/support/trace-line.ts";
import { GENERATORS, payloadSchema } from "../scenario/payload-schema.ts";
import { rocOf } from "../statistics/roc.ts";
import type { Intended, ModelShape, Payload } from "../types.ts";
import { makePayloads } from "./make-payloads.ts";

const one: Intended = { atMs: 0, events: 1 };
const packed = (events: number): Intended => ({ atMs: 0, events });

const source = (payload: object, model: ModelShape, rows: object | number = 1, seed = 1) =>
  makePayloads({ name: "s", rows: rows as number, payload: payloadSchema.parse(payload) }, model, {
    seed,
  });
const floats = ({ data }: { readonly data: Uint8Array }) =>
  new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
const flat = (
  name: string,
  datatype: string,
  shape: number[],
  maxBatchSize = 1000,
): ModelShape => ({
  ...{ name: "m", maxBatchSize },
  inputs: [{ name, datatype, shape: [-1, ...shape] }],
});

const MODEL_OF: Readonly<Record<(typeof GENERATORS)[number], string>> = {
  "jet-observables": "jet_tagger",
  "jet-observables-mev": "jet_units",
  "jet-constituents": "particle_jets",
  "l1-objects": "l1_anomaly",
  calorimeter: "calo_energy",
  tracks: "track_classifier",
  edges: "edge_filter",
  graph: "graph_edges",
  met: "met_regression",
};

describe("generated events", () => {
  it.each(GENERATORS)("fit their model, with a truth for every row: %s", async (generator) => {
    const model = await defaultModelShape(MODEL_OF[generator]);
    const { next } = await source({ kind: "physics", generator, pool: 2 }, model, 20).then(
      (made) => ({
        next: (intended: Intended) => made.next(intended),
      }),
    );
    const payload = next(one);
    expect(payload.inputs.map(({ name }) => name)).toEqual(model.inputs.map(({ name }) => name));
    for (const { shape, data, datatype } of payload.inputs) {
      const elements = shape.reduce((product, length) => product * length, 1);
      expect(data.byteLength).toBe(elements * (datatype === "INT64" ? 8 : 4));
    }
    expect(payload.truth?.values).toHaveLength(payload.rows);
    expect(payload.truth?.signal).toHaveLength(payload.rows);
    expect(payload.truth?.variable).toMatch(/\((GeV|m)\)$/);
    if (generator !== "graph")
      expect(payload).toMatchObject({ rows: 20, eventRows: Uint32Array.of(20) });
  });

  // The labels are those that the default models were trained to tell apart.
  it.each([
    ["jet-observables", "probabilities", 4, 300, 0.98],
    ["jet-constituents", "softmax", 7, 120, 0.9],
    ["l1-objects", "score", 0, 2000, 0.85],
    ["tracks", "score", 0, 2000, 0.9],
    ["edges", "score", 0, 2000, 0.93],
    ["calorimeter", "output/BiasAdd", 0, 1000, 0.98],
  ] as const)(
    "have labels that the model finds again: %s",
    async (generator, output, column, rows, area) => {
      const name = MODEL_OF[generator];
      const made = await source(
        { kind: "physics", generator },
        await defaultModelShape(name),
        rows,
      );
      const { inputs, truth } = made.next(one);
      const model = await openOnnx(
        readFileSync(join(packageRoot, "models", name, "1", "model.onnx")),
      );
      const feeds = inputs.map((input) => [
        input.name,
        { type: "FP32" as const, shape: [...input.shape], data: floats(input) },
      ]);
      const answer = (await model.run(Object.fromEntries(feeds)))[output]?.data as Float32Array;
      await model.close();
      const width = answer.length / rows;
      const scores = Float32Array.from(
        { length: rows },
        (_, row) => answer[row * width + column] ?? 0,
      );
      expect(rocOf(scores, truth?.signal ?? new Uint8Array())?.area).toBeGreaterThan(area);
    },
  );

  it("have the share of signal that is asked for", async () => {
    const model = await defaultModelShape("l1_anomaly");
    const made = await source(
      { kind: "physics", generator: "l1-objects", signalShare: 0.3 },
      model,
      5000,
    );
    const signals = made.next(one).truth?.signal.reduce((sum, label) => sum + label, 0) ?? 0;
    expect(signals / 5000).toBeCloseTo(0.3, 1);
  });

  it("are refused where that share cannot be chosen", async () => {
    const model = await defaultModelShape("track_classifier");
    const payload = { kind: "physics", generator: "tracks", signalShare: 0.3 };
    await expect(source(payload, model)).rejects.toThrow("signalShare cannot be chosen for tracks");
  });

  it("take the names of a model that has others", async () => {
    const model = flat("input:0", "FP32", [16]);
    const made = await source({ kind: "physics", generator: "jet-observables" }, model);
    expect(made.next(one).inputs[0]?.name).toBe("input:0");
  });

  it.each([
    [flat("x", "FP64", [16]), "takes FP64 [-1,16]"],
    [flat("x", "FP32", [17]), "makes FP32 [1,16], input 'x' of model m takes FP32 [-1,17]"],
    [{ ...flat("x", "FP32", [16]), inputs: [] }, "makes 1 tensors, model m takes 0"],
  ])("are refused by a model that they do not fit", async (model, message) => {
    const made = await source({ kind: "physics", generator: "jet-observables" }, model);
    expect(() => made.next(one)).toThrow(message);
  });

  it("are refused where a request would be larger than the model takes", async () => {
    const made = await source(
      { kind: "physics", generator: "tracks" },
      { ...(await defaultModelShape("track_classifier")), maxBatchSize: 100 },
    );
    expect(() => made.next(packed(101))).toThrow(
      "101 rows in a request, model track_classifier takes 100 at most",
    );
  });
});

describe("a pool of requests", () => {
  const spec = { kind: "physics", generator: "tracks", pool: 3 };

  it("sends distinct ones in turn, a ring for each number of events", async () => {
    const made = await source(spec, await defaultModelShape("track_classifier"));
    const keys = [1, 1, 2, 1, 1, 2, 1].map((events) => made.next(packed(events)).key);
    expect(keys).toEqual([0, 1, 2, 3, 0, 4, 1]);
    expect(made.pool.map(({ rows }) => rows)).toEqual([1, 1, 2, 1, 2]);
    const bytes = made.pool.map(({ inputs }) => Buffer.from(inputs[0]?.data ?? []).toString("hex"));
    expect(new Set(bytes).size).toBe(5);
  });

  it("is the same for the same seed, whatever was asked before", async () => {
    const model = await defaultModelShape("track_classifier");
    const [a, b, other] = [
      await source(spec, model),
      await source(spec, model),
      await source(spec, model, 1, 2),
    ];
    a.next(packed(7));
    const data = (payload: Payload) => payload.inputs[0]?.data;
    expect(data(a.next(one))).toEqual(data(b.next(one)));
    expect(data(a.next(one))).not.toEqual(data(other.next(one)));
  });

  it("draws the rows of each event, and tells them", async () => {
    const model = await defaultModelShape("track_classifier");
    const made = await source({ ...spec, pool: 50 }, model, { min: 2, max: 5 });
    const counts = Array.from({ length: 50 }, () => made.next(packed(4))).flatMap(
      ({ eventRows, rows }) => {
        expect(eventRows?.reduce((sum, count) => sum + count, 0)).toBe(rows);
        return [...(eventRows ?? [])];
      },
    );
    expect([Math.min(...counts), Math.max(...counts)]).toEqual([2, 5]);
    const piled = await source(spec, model, { perCollision: 2, pileUp: 60 });
    expect(piled.next(packed(200)).rows / 200).toBeCloseTo(120, -1.3);
  });
});

describe("random values", () => {
  it("fit any model: every datatype, texts and open axes", async () => {
    const types = [
      "BOOL",
      "UINT8",
      "INT16",
      "UINT32",
      "INT64",
      "FP16",
      "BF16",
      "FP32",
      "FP64",
      "BYTES",
    ];
    const model: ModelShape = {
      ...{ name: "m", maxBatchSize: 8 },
      inputs: types.map((datatype) => ({ name: datatype, datatype, shape: [-1, -1] })),
    };
    const shapes = Object.fromEntries(types.map((name) => [name, [3]]));
    const made = await source({ kind: "random", shapes }, model, 2);
    const { inputs, rows } = made.next(one);
    expect(rows).toBe(2);
    expect(inputs.every(({ shape }) => String(shape) === "2,3")).toBe(true);
    expect(inputs.map(({ data }) => data.byteLength / 6)).toEqual([1, 1, 2, 4, 8, 2, 2, 4, 8, 20]);
    expect(floats(inputs[7] as never).every((value) => value >= -1 && value < 1)).toBe(true);
    const whole = Buffer.from(inputs[4]?.data ?? []);
    expect(whole.readBigInt64LE(8)).toBeLessThan(100n);
  });

  it("want the lengths of open axes, and know the names", async () => {
    const model = flat("hits", "FP32", [-1]);
    const open = await source({ kind: "random" }, model);
    expect(() => open.next(one)).toThrow("open shape [-1]: give its lengths, shapes: {hits: [N]}");
    const strange = await source({ kind: "random", shapes: { hit: [3] } }, model);
    expect(() => strange.next(one)).toThrow("has no input 'hit', but hits");
  });

  it("of a model without a batch axis have its shape alone", async () => {
    const model: ModelShape = {
      name: "m",
      maxBatchSize: 0,
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 3] }],
    };
    const made = await source({ kind: "random", shapes: { x: [5, 3] } }, model);
    expect(made.next(one)).toMatchObject({ rows: 1, inputs: [{ shape: [5, 3] }] });
  });
});

describe("files of arrays", () => {
  let folder = "";
  const model = flat("x", "FP32", [2]);
  const values = Float32Array.from({ length: 10 }, (_, at) => at);
  const bytes = (array: Float32Array | Float64Array | Uint8Array) =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "payloads-"));
    await writeNpz(join(folder, "a.npz"), [
      { name: "x", datatype: "FP32", shape: [5, 2], chunks: [bytes(values)] },
      {
        name: "pt",
        datatype: "FP64",
        shape: [5],
        chunks: [bytes(Float64Array.of(10, 20, 30, 40, 50))],
      },
      { name: "label", datatype: "UINT8", shape: [5], chunks: [Uint8Array.of(0, 1, 0, 1, 1)] },
      { name: "short", datatype: "UINT8", shape: [4], chunks: [Uint8Array.of(0, 1, 0, 1)] },
    ]);
    writeFileSync(join(folder, "x.npy"), Buffer.concat([npyHeader("FP32", [5, 2]), bytes(values)]));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (changes: object) => ({ kind: "files", path: join(folder, "a.npz"), ...changes });

  it("are cut into requests row by row, and begin anew", async () => {
    const made = await source(file({ truth: "pt", signal: "label" }), model, 3);
    const [first, second] = [made.next(one), made.next(one)];
    expect([...floats(first.inputs[0] as never)]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...floats(second.inputs[0] as never)]).toEqual([6, 7, 8, 9, 0, 1]);
    expect(second.truth).toEqual({
      variable: "pt",
      values: Float64Array.of(40, 50, 10),
      signal: Uint8Array.of(1, 1, 0),
    });
  });

  it("may be a folder of npy files", async () => {
    const made = await source({ kind: "files", path: folder }, model, 7);
    expect([...floats(made.next(one).inputs[0] as never)].slice(-4)).toEqual([0, 1, 2, 3]);
  });

  it("of texts keep their rows", async () => {
    const text = { name: "t", datatype: "BYTES" as const, shape: [3], textBytes: 3 };
    await writeNpz(join(folder, "t.npz"), [{ ...text, chunks: [Buffer.from("a\0\0bbbcc\0")] }]);
    const texts = flat("t", "BYTES", []);
    const made = await source({ kind: "files", path: join(folder, "t.npz") }, texts, 2);
    made.next(one);
    expect(Buffer.from(made.next(one).inputs[0]?.data ?? []).toString("latin1")).toBe(
      "\u0002\0\0\0cc\u0001\0\0\0a",
    );
  });

  it.each([
    [{ path: "/nowhere/a.npz" }, model, "no such file"],
    [{ truth: "eta" }, model, "has no array 'eta'"],
    [{ signal: "short" }, model, "array 'short' has 4 rows, others have 5"],
    [{}, flat("x", "FP64", [2]), "is FP32, model m takes FP64"],
    [{}, flat("x", "FP32", [3]), "has the shape [5,2], model m takes [-1,3]"],
    [{ truth: "x" }, model, "one number a row, this one 2"],
  ])("are refused where they do not fit: %j", async (changes, other, message) => {
    await expect(source(file(changes), other)).rejects.toThrow(message);
  });

  it("are never looked for outside of their folder", async () => {
    const outside = flat("../x", "FP32", [2]);
    await expect(source({ kind: "files", path: folder }, outside)).rejects.toThrow(
      "cannot be the name of a file",
    );
  });
});

describe("recorded requests", () => {
  it("are sent as they were, in turn", async () => {
    const folder = mkdtempSync(join(tmpdir(), "recorded-"));
    const file = join(folder, "t.jsonl");
    const input = (value: number) => ({
      name: "x",
      datatype: "FP32",
      shape: [1, 1],
      data: Uint8Array.of(value, 0, 0, 0),
    });
    const lines = [
      encodeTraceLine({ atMs: 0, model: "m", inputs: [input(1)] }),
      encodeTraceLine({ atMs: 1, model: "other", inputs: [input(2)] }),
      encodeTraceLine({ atMs: 2, model: "m", inputs: [input(3)] }),
    ];
    writeFileSync(file, lines.join("\n"));
    const made = await source({ kind: "recorded", file }, flat("x", "FP32", [1]));
    const sent = [made.next(one), made.next(one), made.next(one)];
    expect(sent.map(({ inputs }) => inputs[0]?.data[0])).toEqual([1, 3, 1]);
    writeFileSync(file, encodeTraceLine({ atMs: 0 }));
    await expect(source({ kind: "recorded", file }, flat("x", "FP32", [1]))).rejects.toThrow(
      "record with tensors",
    );
    rmSync(folder, { recursive: true });
  });
});
