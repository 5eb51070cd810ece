import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/package-root.ts";
import { Dice, OPS, randomNetwork, randomRows } from "../../../test/support/random-network.ts";
import { anyType } from "../../../test/support/reference-cast.ts";
import { referenceRow } from "../../../test/support/reference-network.ts";
import {
  type Network,
  type NetworkScope,
  parseNetwork,
  readNetwork,
} from "../../common/fixed-point/network.ts";
import { OpenClBoard } from "../../common/opencl/board.ts";
import { ON_POCL, POCL, privatePocl } from "../../common/opencl/testing/pocl.ts";
import { openClSource, type SourceStorage } from "./opencl-source.ts";
import { type Case, runCases } from "./testing/run-source.ts";

const folder = join(packageRoot, "..", "shared", "data", "fixed_point");
const HEADER = { format: "hls4ml-golden-1", name: "random", arithmetic: "ap_fixed (xilinx)" };

const without = POCL ? "" : " (skipped: PoCL is not installed; Debian: pocl-opencl-icd)";

describe.skipIf(!POCL)(`generated OpenCL C${without}`, { timeout: 120_000 }, () => {
  let cache: string;
  let board: OpenClBoard;
  beforeAll(() => {
    cache = privatePocl();
    board = OpenClBoard.open(ON_POCL);
  });
  afterAll(() => {
    board.close();
    rmSync(cache, { recursive: true, force: true });
  });

  const expectReference = (cases: readonly Case[]) => {
    const found = runCases(board, cases);
    for (const [n, { network, rows }] of cases.entries()) {
      expect(found[n]).toEqual(rows.map((row) => referenceRow(network, row)));
    }
  };

  describe.skipIf(!existsSync(folder))(`for firmware (skipped without ${folder})`, () => {
    const lines = (file: string) =>
      readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    const model = (name: string, scope: NetworkScope) =>
      parseNetwork(readFileSync(join(folder, `${name}.model.json`), "utf8"), scope);

    it.each(["facile_u250", "jet_hls4ml_10_4", "nnpuppitau_v1", "axol1tl_v4"])(
      "%s gives all golden vectors, bit by bit",
      (name) => {
        const network = model(name, "core");
        const vectors = lines(join(folder, `${name}.vectors.jsonl`));
        const [found] = runCases(board, [{ network, rows: vectors.map((vector) => [vector.in]) }]);
        expect(vectors).toHaveLength(500);
        expect(found).toEqual(
          vectors.map(({ out }) => network.outputs.map((output) => out[output.name])),
        );
      },
    );

    it("axol1tl_v4 goes from the hardware's integers to the score", () => {
      const vectors = lines(join(folder, "axol1tl_v4.vectors.jsonl"));
      const rows = vectors.map((vector) => [vector.raw_in]);
      const [found] = runCases(board, [{ network: model("axol1tl_v4", "whole"), rows }]);
      expect(found).toEqual(vectors.map(({ out, score }) => [out.latent, [score]]));
    });
  });

  it.each(OPS)("with %s gives what whole numbers of any size give", (op) => {
    const seeds = fc.sample(fc.integer(), { numRuns: 5, seed: OPS.indexOf(op) });
    expectReference(
      seeds.map((seed) => {
        const dice = new Dice(seed);
        const network = readNetwork(randomNetwork(dice, op));
        return { network, rows: randomRows(dice, network, 19), storage: anyStorage(dice, network) };
      }),
    );
  });

  it("casts between any two types, of up to 52 bits and with binary points far apart", () => {
    const types = fc.tuple(anyType, anyType, anyType, fc.integer());
    const samples = fc.sample(types, { numRuns: 40, seed: 3 });
    expectReference(
      samples.map(([from, over, to, seed]) => {
        const network = readNetwork({
          ...{ ...HEADER, input_t: from, n_input: 6 },
          nodes: [
            { name: "cast", op: "linear", inputs: ["input"], out_t: over },
            { name: "kept", op: "relu", inputs: ["cast"], out_t: to },
          ],
          outputs: [
            { name: "a", node: "cast", n: 6 },
            { name: "b", node: "kept", n: 6 },
          ],
        });
        return { network, rows: randomRows(new Dice(seed), network, 9) };
      }),
    );
  });
});

function anyStorage(dice: Dice, network: Network): SourceStorage {
  return Object.fromEntries(
    [...network.inputs, ...network.outputs].map(({ name, elements, type }) => {
      const storageBits = dice.pick([8, 16, 32, 64].filter((bits) => bits >= type.w));
      return [name, { storageBits, rowBytes: ((elements + dice.from(0, 3)) * storageBits) / 8 }];
    }),
  );
}

describe("a source", () => {
  const type = { w: 30, i: 10, signed: true, q: "TRN", o: "WRAP" };
  const square = { name: "wide", op: "multiply", inputs: ["input", "input"], out_t: type };
  const json = { ...HEADER, name: "*/ #error", input_t: type, n_input: 2, nodes: [square] };
  const outputs = (node: string) => [{ name: "y", node, n: 2 }];

  it("has no floating point, and no word of the network", () => {
    const source = openClSource(readNetwork({ ...json, outputs: outputs("wide") }));
    expect(source).not.toMatch(/float|double|half|error|wide|\by\b|\d\.\d/);
    expect(source).toMatch(
      /^void run_network\(__global const int \*restrict in0, __global int \*restrict out0, const uint rows\) \{$/m,
    );
  });

  it("is refused for what 64 bits don't hold, unless no output is made of it", () => {
    const wide = { ...type, w: 40 };
    const of = (node: string) => readNetwork({ ...json, input_t: wide, outputs: outputs(node) });
    expect(() => openClSource(of("wide"))).toThrow(
      "node wide (multiply): a product or sum of 80 bits, and the kernel computes with at most 64: use narrower types",
    );
    expect(openClSource(of("input"))).toContain("long");
  });

  it("is refused for rows that do not fit the memory of a work-item", () => {
    const long = readNetwork({
      ...json,
      n_input: 2 ** 18,
      nodes: [],
      outputs: [{ name: "y", node: "input", n: 2 ** 18 }],
    });
    expect(() => openClSource(long)).toThrow(
      "network: its rows take 2097152 bytes of a work-item's memory, and there are 1048576",
    );
  });

  it("is refused for memory that cannot hold a row", () => {
    const network = readNetwork({ ...json, outputs: outputs("wide") });
    expect(() => openClSource(network, { y: { storageBits: 16 } })).toThrow(
      "tensor y: storageBits is 16, and has to be 8, 16, 32 or 64 and at least 32",
    );
    expect(() => openClSource(network, { input: { rowBytes: 6 } })).toThrow(
      "tensor input: rowBytes is 6, and has to be a multiple of 4 and at least 8",
    );
  });
});
