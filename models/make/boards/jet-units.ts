/** jet_units in fixed point: MeV to GeV where an observable is a momentum or a mass. */
import { JET_OBSERVABLES } from "../data/jet-observables.ts";
import { readOnnx } from "../reference/read-onnx.ts";
import { type NetworkJson, type NodeJson, signed } from "./network-json.ts";

/** Up to 2097 GeV, in steps of 2^-14 as jet_tagger takes pure numbers. */
const IN_MEV = signed(36, 22);
/** What jet_tagger takes on boards. */
const IN_GEV = signed(26, 12);
/** The power of two next to 1/1000, and what is left of it. */
const SHIFT = 2 ** -10;

/**
 * Two factors one after the other: a thousandth in one step would need more digits in the product than
 * a board computes exactly.
 */
export function quantiseJetUnits(onnx: Uint8Array): NetworkJson {
  const factors = factorsOf(onnx);
  const shifts = factors.map((factor) => (factor === 1 ? 1 : SHIFT));
  const rests = factors.map((factor, n) => factor / (shifts[n] as number));
  return {
    format: "hls4ml-golden-1",
    name: "jet_units",
    description: "momenta and masses from MeV to GeV",
    arithmetic: "ap_fixed",
    inputs: [{ name: "jets_mev", n: factors.length, t: IN_MEV }],
    nodes: [scaled("shifted", "jets_mev", shifts, 10), scaled("jets", "shifted", rests, 20)],
    outputs: [{ name: "jets", node: "jets", n: factors.length }],
  };
}

/** @param fraction bits of the factors right of the binary point */
function scaled(
  name: string,
  input: string,
  factors: readonly number[],
  fraction: number,
): NodeJson {
  return {
    ...{ name, op: "batchnorm", inputs: [input] },
    ...{ scale_t: signed(fraction + 2, 2), bias_t: signed(1, 1), out_t: IN_GEV },
    scale_raw: factors.map((factor) => Math.round(factor * 2 ** fraction)),
    bias_raw: factors.map(() => 0),
  };
}

/** @throws Error for a file that is no product with a row of factors */
function factorsOf(file: Uint8Array): readonly number[] {
  const { nodes, constants } = readOnnx(file);
  const [product] = nodes;
  const found = constants.get(product?.inputs[1] ?? "");
  const width = JET_OBSERVABLES.length;
  if (product?.operator !== "Mul" || nodes.length !== 1 || found?.data.length !== width) {
    throw new Error(`jet_units: its ONNX file is no product with ${width} factors`);
  }
  return Array.from(found.data, Number);
}
