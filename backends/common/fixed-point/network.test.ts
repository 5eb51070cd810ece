import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/package-root.ts";
import { Dice, OPS, randomNetwork } from "../../../test/support/random-network.ts";
import { BackendError } from "../../contract.ts";
import { parseNetwork, readNetwork } from "./network.ts";

const type = { w: 8, i: 3, signed: true, q: "TRN", o: "WRAP" };

const dense = (rest: object = {}) => ({
  ...{ name: "layer", op: "dense", inputs: ["input"], n_in: 2, n_out: 1, out_t: type },
  ...{ weight_t: type, weights_raw: [3, -128], bias_t: type, bias_raw: [7], accum_t: type },
  ...rest,
});
const softmax = (rest: object = {}) => ({
  ...{ name: "soft", op: "softmax_stable", inputs: ["input"], out_t: type, table_size: 4 },
  ...{ exp_table_t: type, exp_table_raw: [1, 2, 3, 4] },
  ...{ inv_table_t: type, inv_table_raw: [4, 3, 2, 1] },
  ...rest,
});
const network = (rest: object = {}) => ({
  ...{ format: "hls4ml-golden-1", name: "small", arithmetic: "ap_fixed (xilinx)" },
  ...{ input_t: type, n_input: 2, nodes: [dense()] },
  outputs: [{ name: "y", node: "layer", n: 1 }],
  ...rest,
});

describe("a network of JSON", () => {
  it("becomes inputs, nodes in order and outputs, with every type written out", () => {
    expect(readNetwork(network())).toEqual({
      name: "small",
      arithmetic: "ap_fixed",
      inputs: [{ name: "input", elements: 2, type }],
      nodes: [
        {
          ...{ name: "layer", op: "dense", inputs: ["input"], elements: 1, type },
          ...{ positions: 1, nIn: 2, nOut: 1, weightType: type, weights: [3, -128] },
          ...{ biasType: type, bias: [7], accumType: type },
        },
      ],
      outputs: [{ name: "y", node: "layer", elements: 1, type }],
    });
  });

  it("may have several inputs, and an output that is one of them", () => {
    const inputs = [
      { name: "a", n: 3, t: type },
      { name: "b", n: 3, t: type },
    ];
    const nodes = [{ name: "d", op: "dot", inputs: ["a", "b"], accum_t: type, out_t: type }];
    const outputs = [
      { name: "y", node: "d", n: 1 },
      { name: "copy", node: "b", n: 3 },
    ];
    const { n_input, input_t, ...rest } = network();
    const read = readNetwork({ ...rest, inputs, nodes, outputs });
    expect(read.inputs.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(read.outputs.map(({ elements }) => elements)).toEqual([1, 3]);
  });

  it("leaves out of a softmax what newer firmware tells apart", () => {
    const outputs = [{ name: "y", node: "soft", n: 2 }];
    const read = readNetwork(network({ nodes: [softmax()], outputs }));
    expect(read.nodes[0]).toMatchObject({
      sumType: type,
      inverseInputType: type,
      difference: "x-max",
      differenceType: { ...type, q: "RND", o: "SAT" },
    });
  });

  it.each([
    [{ format: "onnx" }, "network.format: has to be hls4ml-golden-1"],
    [{ arithmetic: "float" }, "network.arithmetic: has to be ap_fixed or ac_fixed"],
    [{ n_input: 0 }, "network.n_input: has to be a whole number from 1 to 1048576"],
    [{ input_t: { ...type, w: 99 } }, "network.input_t: w is 99"],
    [{ input_t: "int8" }, "network.input_t: has to be an object"],
    [{ nodes: {} }, "network.nodes: has to be an array"],
    [{ layers: [] }, "network.layers: is not known"],
    [{ outputs: [] }, "network.outputs: has to name at least one"],
    [{ outputs: [{ name: "y", node: "z", n: 1 }] }, "network.outputs[0].node: nothing is called z"],
    [
      { outputs: [{ name: "y", node: "layer", n: 2 }] },
      "network.outputs[0].n: is 2, and layer has 1",
    ],
    [{ nodes: [dense(), dense()] }, "network.nodes[1].name: layer is there already"],
    [{ nodes: [7] }, "network.nodes[0]: has to be an object"],
    [{ nodes: [dense({ op: "gru" })] }, "network.nodes[0].op: gru is not known; known are dense,"],
    [{ nodes: [dense({ inputs: ["l"] })] }, "network.nodes[0].inputs[0]: nothing before the node"],
    [
      { nodes: [dense({ n_in: 3 })] },
      "network.nodes[0].inputs[0]: input has 2 elements, and the node",
    ],
    [
      { nodes: [dense({ weights_raw: [1] })] },
      "network.nodes[0].weights_raw: has 1 entries, not 2",
    ],
    [
      { nodes: [dense({ weights_raw: [1, 128] })] },
      "network.nodes[0].weights_raw[1]: is 128, and raw integers are -128 to 127",
    ],
    [{ nodes: [dense({ weights_raw: [1, 0.5] })] }, "network.nodes[0].weights_raw[1]: is 0.5, and"],
    [{ nodes: [dense({ bias_raw: ["1"] })] }, "network.nodes[0].bias_raw[0]: has to be a number"],
    [{ nodes: [dense({ accum_t: undefined })] }, "network.nodes[0].accum_t: is missing"],
    [{ nodes: [dense({ reuse: 4 })] }, "network.nodes[0].reuse: is not known"],
    [
      { nodes: [softmax({ table_size: 3 })] },
      "network.nodes[0].table_size: is 3, and has to be a power of two of at most 8 bits",
    ],
    [
      {
        nodes: [
          dense({ op: "conv1d", n_pos: 2, n_chan: 1, n_filt: 1, filt_width: 1, pad_left: 1 }),
        ],
      },
      "network.nodes[0].pad_left: 1 is no less than the window's 1",
    ],
    [{ n_input: 2 ** 21 }, "network.n_input: has to be a whole number from 1 to 1048576"],
    [{ nodes: [softmax({ difference: "max" })] }, "network.nodes[0].difference: has to be one of"],
  ])("is refused with the path to what is wrong (%#)", (rest, message) => {
    expect(() => readNetwork(network(rest))).toThrow(message);
    expect(() => readNetwork(network(rest))).toThrow(BackendError);
  });

  it.each([
    [null, "network: has to be an object"],
    [[], "network: has to be an object"],
  ])("is no %j", (json, message) => {
    expect(() => readNetwork(json)).toThrow(message);
  });

  it("is no text that JSON does not know", () => {
    expect(() => parseNetwork("{")).toThrow("network: is no JSON:");
  });

  it("is read or refused, whatever is done to it", () => {
    const odd = fc.oneof(fc.jsonValue(), fc.integer(), fc.constant(undefined));
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(...OPS), fc.nat(), odd, (seed, op, at, value) => {
        const json = structuredClone(randomNetwork(new Dice(seed), op));
        spoil(json, at, value);
        try {
          readNetwork(json);
        } catch (error) {
          expect(error).toBeInstanceOf(BackendError);
          expect((error as BackendError).fault).toBe("artifact");
        }
      }),
      // What has no text of its own once broke the sentence that refuses it.
      { numRuns: 2000, examples: [[0, "dense", 423560343, { toString: "" }]] },
    );
  });
});

/** Puts `value` in the place of the `at`-th field, counted through the whole tree. */
function spoil(json: object, at: number, value: unknown): void {
  const places: [Record<string, unknown>, string][] = [];
  const walk = (parent: Record<string, unknown>) => {
    for (const key of Object.keys(parent)) {
      places.push([parent, key]);
      const child = parent[key];
      if (typeof child === "object" && child !== null) walk(child as Record<string, unknown>);
    }
  };
  walk(json as Record<string, unknown>);
  const [parent, key] = places[at % places.length] as [Record<string, unknown>, string];
  parent[key] = value;
}

const folder = join(packageRoot, "..", "shared", "data", "fixed_point");

describe.skipIf(!existsSync(folder))(`stages around a network (skipped without ${folder})`, () => {
  const text = () => readFileSync(join(folder, "axol1tl_v4.model.json"), "utf8");

  it("is the core, unless the whole is asked for", () => {
    const core = parseNetwork(text());
    expect(core.inputs.map(({ name }) => name)).toEqual(["input"]);
    expect(core.outputs.map(({ name }) => name)).toEqual(["latent"]);
    const whole = parseNetwork(text(), "whole");
    expect(whole.inputs).toEqual([
      { name: "raw_in", elements: 57, type: { w: 16, i: 16, signed: true, q: "TRN", o: "WRAP" } },
    ]);
    expect(whole.nodes.map(({ op }) => op).at(0)).toBe("offset_shift");
    expect(whole.outputs.map(({ name }) => name)).toEqual(["latent", "score"]);
  });

  it.each([
    [{ preprocess: null }, "network.preprocess: has to be an object"],
    [
      { preprocess: { op: "offset_shift", shifts: [] } },
      "network.preprocess.shifts: has 0 entries",
    ],
    [{ postprocess: { op: "sum_of_squares" } }, "network.postprocess.square_t: is missing"],
  ])("is refused with the path, too (%#)", (rest, message) => {
    expect(() => readNetwork({ ...JSON.parse(text()), ...rest }, "whole")).toThrow(message);
  });
});
