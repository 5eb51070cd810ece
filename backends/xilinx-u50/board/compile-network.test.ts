import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/package-root.ts";
import {
  Dice,
  OPS,
  randomNetwork,
  randomRows,
  randomType,
} from "../../../test/support/random-network.ts";
import { anyType } from "../../../test/support/reference-cast.ts";
import { referenceRow } from "../../../test/support/reference-network.ts";
import {
  type Network,
  type NetworkScope,
  parseNetwork,
  readNetwork,
} from "../../common/fixed-point/network.ts";
import { type CompiledTensor, compileNetwork, type NetworkStorage } from "./compile-network.ts";

const folder = join(packageRoot, "..", "shared", "data", "fixed_point");

const HEADER = { format: "hls4ml-golden-1", name: "random", arithmetic: "ap_fixed (xilinx)" };

/** Raw integers in memory, as the board's host would write and read them. */
function writeWords(bytes: Uint8Array, at: number, bits: number, raws: readonly number[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  raws.forEach((raw, n) => {
    const place = at + (n * bits) / 8;
    if (bits === 64) view.setBigInt64(place, BigInt(raw), true);
    else if (bits === 32) view.setInt32(place, raw, true);
    else if (bits === 16) view.setInt16(place, raw, true);
    else view.setInt8(place, raw);
  });
}

function readWords(bytes: Uint8Array, at: number, tensor: CompiledTensor): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const { storageBits: bits, type, elements } = tensor;
  return Array.from({ length: elements }, (_, n) => {
    const place = at + (n * bits) / 8;
    if (bits === 64) return Number(view.getBigInt64(place, true));
    if (bits === 32) return type.signed ? view.getInt32(place, true) : view.getUint32(place, true);
    if (bits === 16) return type.signed ? view.getInt16(place, true) : view.getUint16(place, true);
    return type.signed ? view.getInt8(place) : view.getUint8(place);
  });
}

/** Rows of inputs in, rows of outputs out: [row][tensor][element]. `shift` bytes off an aligned address. */
function runRows(
  network: Network,
  rows: readonly (readonly (readonly number[])[])[],
  storage: NetworkStorage = {},
  shift = 0,
): number[][][] {
  const compiled = compileNetwork(network, storage);
  const room = ({ rowBytes }: CompiledTensor) =>
    new Uint8Array(rows.length * rowBytes + shift).fill(0xa5).subarray(shift);
  const inputs = compiled.inputs.map((tensor, t) => {
    const bytes = room(tensor);
    rows.forEach((row, r) => {
      writeWords(bytes, r * tensor.rowBytes, tensor.storageBits, row[t] as number[]);
    });
    return bytes;
  });
  const outputs = compiled.outputs.map(room);
  compiled.run(rows.length, inputs, outputs);
  compiled.outputs.forEach(({ rowBytes, elements, storageBits }, t) => {
    for (let start = 0; start < rows.length * rowBytes; start += rowBytes) {
      const end = start + rowBytes;
      const padding = outputs[t]?.subarray(start + (elements * storageBits) / 8, end);
      expect(padding?.every((byte) => byte === 0xa5)).toBe(true);
    }
  });
  return rows.map((_, r) =>
    compiled.outputs.map((tensor, t) =>
      readWords(outputs[t] as Uint8Array, r * tensor.rowBytes, tensor),
    ),
  );
}

describe.skipIf(!existsSync(folder))(`firmware networks (skipped without ${folder})`, () => {
  const lines = (file: string) =>
    readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  const model = (name: string, scope: NetworkScope) =>
    parseNetwork(readFileSync(join(folder, `${name}.model.json`), "utf8"), scope);

  it.each(["facile_u250", "jet_hls4ml_10_4", "nnpuppitau_v1", "axol1tl_v4"])(
    "%s: all golden vectors, bit by bit",
    (name) => {
      const network = model(name, "core");
      const vectors = lines(join(folder, `${name}.vectors.jsonl`));
      const got = runRows(
        network,
        vectors.map((vector) => [vector.in]),
      );
      const want = vectors.map(({ out }) => network.outputs.map((output) => out[output.name]));
      expect(vectors).toHaveLength(500);
      expect(got).toEqual(want);
    },
  );

  it("axol1tl_v4 from the hardware's integers to the score", () => {
    const vectors = lines(join(folder, "axol1tl_v4.vectors.jsonl"));
    const got = runRows(
      model("axol1tl_v4", "whole"),
      vectors.map((vector) => [vector.raw_in]),
    );
    expect(got).toEqual(vectors.map(({ out, score }) => [out.latent, [score]]));
  });

  // Its scaled inputs were made with offsets that were not truncated; the firmware truncates them.
  it("axol1tl_v4 on 2 000 recorded events", () => {
    const events = lines(join(folder, "..", "l1_axol1tl_v4_zmumu_2000.jsonl"));
    const got = runRows(
      model("axol1tl_v4", "core"),
      events.map((event) => [event.scaled_in]),
    );
    expect(events).toHaveLength(2000);
    expect(got).toEqual(events.map(({ latent }) => [latent]));
  });
});

describe("a network of any types", () => {
  const words = (dice: Dice, network: Network): NetworkStorage =>
    Object.fromEntries(
      [...network.inputs, ...network.outputs].map(({ name, elements, type }) => {
        const least = [8, 16, 32, 64].filter((bits) => bits >= type.w);
        const storageBits = dice.pick(least);
        const rowBytes = ((elements + dice.from(0, 3)) * storageBits) / 8;
        return [name, { storageBits, rowBytes }];
      }),
    );

  it.each(OPS)("with %s gives what whole numbers of any size give", (op) => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const dice = new Dice(seed);
        const network = readNetwork(randomNetwork(dice, op));
        const rows = randomRows(dice, network, 3);
        const got = runRows(network, rows, words(dice, network), dice.from(0, 1));
        expect(got).toEqual(rows.map((row) => referenceRow(network, row)));
      }),
      { numRuns: 40 },
    );
  });

  it("casts between any two types, of up to 52 bits and with binary points far apart", () => {
    fc.assert(
      fc.property(anyType, anyType, anyType, fc.integer(), (from, over, to, seed) => {
        const nodes = [
          { name: "cast", op: "linear", inputs: ["input"], out_t: over },
          { name: "kept", op: "relu", inputs: ["cast"], out_t: to },
        ];
        const network = readNetwork({
          ...{ ...HEADER, input_t: from, n_input: 6, nodes },
          outputs: [
            { name: "a", node: "cast", n: 6 },
            { name: "b", node: "kept", n: 6 },
          ],
        });
        const rows = randomRows(new Dice(seed), network, 2);
        expect(runRows(network, rows)).toEqual(rows.map((row) => referenceRow(network, row)));
      }),
      { numRuns: 400 },
    );
  });

  it("too large to be written out is computed in loops, with the same bits", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const dice = new Dice(seed);
        const network = readNetwork(denseNetwork(dice, 1100 + dice.from(0, 9), 3));
        const rows = randomRows(dice, network, 2);
        expect(runRows(network, rows)).toEqual(rows.map((row) => referenceRow(network, row)));
      }),
      { numRuns: 60 },
    );
  });

  it("takes rows longer than code is written out for, and more rows than a block", () => {
    const dice = new Dice(5);
    const type = { w: 9, i: 4, signed: true, q: "RND_CONV", o: "SAT" };
    const layer = (op: string, name: string, inputs: string[], more: object = {}) => {
      return { name, op, inputs, out_t: { ...type, i: dice.from(3, 6) }, ...more };
    };
    const network = readNetwork({
      ...HEADER,
      inputs: [{ name: "x", n: 300, t: type }],
      nodes: [
        layer("batchnorm", "a", ["x"], {
          ...{ scale_t: type, scale_raw: [3, -7, 150], bias_t: type, bias_raw: [1, 2, -9] },
        }),
        layer("relu", "b", ["x"]),
        layer("subtract", "c", ["a", "b"]),
        layer("concatenate", "d", ["c", "a"]),
        layer("dot", "e", ["a", "c"], { accum_t: { ...type, w: 30, i: 20 } }),
        layer("global_avg_pool1d", "f", ["d"], {
          ...{ n_pos: 200, n_filt: 3, accum_t: { ...type, w: 40, i: 20 } },
        }),
      ],
      outputs: [
        { name: "d", node: "d", n: 600 },
        { name: "e", node: "e", n: 1 },
        { name: "f", node: "f", n: 3 },
      ],
    });
    const rows = randomRows(dice, network, 150);
    expect(runRows(network, rows)).toEqual(rows.map((row) => referenceRow(network, row)));
  });

  it("computes only what its outputs are made of", () => {
    const type = { w: 30, i: 10, signed: true, q: "TRN", o: "WRAP" };
    const square = { name: "wide", op: "multiply", inputs: ["x", "x"], out_t: type };
    const json = {
      ...HEADER,
      input_t: type,
      n_input: 2,
      nodes: [{ ...square, inputs: ["input", "input"] }],
    };
    const copy = readNetwork({ ...json, outputs: [{ name: "y", node: "input", n: 2 }] });
    expect(runRows(copy, [[[1, -2]]])).toEqual([[[1, -2]]]);
    const wide = readNetwork({ ...json, outputs: [{ name: "y", node: "wide", n: 2 }] });
    expect(() => compileNetwork(wide)).toThrow(
      "node wide (multiply): a product or sum of 59 bits, and the emulated board computes with at most 53: use narrower types",
    );
  });
});

describe("a network of more than can be written out", () => {
  it("is refused", () => {
    const type = { w: 8, i: 4, signed: true, q: "TRN", o: "WRAP" };
    const table = Array.from({ length: 16 }, () => 1);
    const network = readNetwork({
      ...{ ...HEADER, input_t: type, n_input: 65 },
      nodes: [
        {
          ...{ name: "s", op: "softmax_legacy", inputs: ["input"], out_t: type },
          ...{ table_t: type, table_size: 16, exp_table_raw: table, inv_table_raw: table },
        },
      ],
      outputs: [{ name: "y", node: "s", n: 65 }],
    });
    expect(() => compileNetwork(network)).toThrow(
      "node s (softmax_legacy): 65 elements, and the emulated board takes at most 64 of this op",
    );
  });
});

describe("memory of the board", () => {
  const type = { w: 10, i: 4, signed: true, q: "TRN", o: "WRAP" };
  const outputs = [{ name: "y", node: "input", n: 3 }];
  const network = readNetwork({ ...HEADER, input_t: type, n_input: 3, nodes: [], outputs });

  it("gives an element its low bits, whatever stands above them", () => {
    const { run } = compileNetwork(network);
    const input = Uint16Array.of(0b111111_0000000001, 0b000000_1111111111, 0b010101_0111111111);
    const output = new Int16Array(3);
    run(1, [new Uint8Array(input.buffer)], [new Uint8Array(output.buffer)]);
    expect([...output]).toEqual([1, -1, 511]);
  });

  it("that cannot hold a row is refused", () => {
    expect(() => compileNetwork(network, { y: { storageBits: 8 } })).toThrow(
      "tensor y: storageBits is 8; 16 is the least for its 10 bits, 64 the most",
    );
    expect(() => compileNetwork(network, { input: { rowBytes: 7 } })).toThrow(
      "tensor input: rowBytes is 7; it has to be a multiple of 2 and at least 6",
    );
    expect(() =>
      compileNetwork(network).run(2, [new Uint8Array(12)], [new Uint8Array(11)]),
    ).toThrow("tensor y: 2 rows take 12 bytes, and the buffer has 11");
  });
});

/** One layer with so many inputs that its weights are kept in a table. */
function denseNetwork(dice: Dice, n_in: number, n_out: number): object {
  const [weight_t, bias_t] = [randomType(dice, 3, 9), randomType(dice, 3, 9)];
  const accum_t = dice.chance(0.5) ? randomType(dice, 6, 20) : randomType(dice, 26, 48);
  const raws = (length: number, { w, signed }: { w: number; signed: boolean }) =>
    Array.from({ length }, () => dice.from(signed ? -(2 ** (w - 1)) : 0, 2 ** (w - 1) - 1));
  const layer = {
    ...{ name: "layer", op: "dense", inputs: ["input"], n_in, n_out, weight_t, bias_t, accum_t },
    ...{ weights_raw: raws(n_in * n_out, weight_t), bias_raw: raws(n_out, bias_t) },
    out_t: randomType(dice),
  };
  const outputs = [{ name: "y", node: "layer", n: n_out }];
  return { ...HEADER, input_t: randomType(dice), n_input: n_in, nodes: [layer], outputs };
}
