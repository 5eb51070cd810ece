/** Level-1 trigger objects of crossings: zero bias, and three kinds of signal in it. */
import {
  generateL1Events,
  L1_FEATURES,
  type L1Process,
} from "../../../models/make/data/l1-objects.ts";
import { type RowGenerator, tensor } from "../made-rows.ts";

const SIGNALS: readonly L1Process[] = ["resonance", "multijet", "invisible"];
const DEFAULT_SIGNAL_SHARE = 0.1;

export function l1ObjectRows(signalShare = DEFAULT_SIGNAL_SHARE): RowGenerator {
  return {
    describe:
      "Level-1 objects of zero-bias crossings; signal: resonances, multijets, invisible particles",
    make(random, rows) {
      const values = new Float32Array(rows * L1_FEATURES);
      const total = new Float64Array(rows);
      const signal = new Uint8Array(rows);
      for (let row = 0; row < rows; row++) {
        if (random.chance(signalShare)) signal[row] = 1;
        const process =
          signal[row] === 1
            ? (SIGNALS[random.integer(SIGNALS.length)] ?? "resonance")
            : "zero-bias";
        const event = generateL1Events(random, 1, process);
        values.set(event, row * L1_FEATURES);
        // (pt, eta, phi) of each object; the first is the missing momentum.
        for (let at = 3; at < L1_FEATURES; at += 3)
          total[row] = (total[row] ?? 0) + (event[at] ?? 0);
      }
      const truth = { variable: "sum of transverse momenta (GeV)", values: total, signal };
      return { inputs: [tensor("l1_objects", "FP32", [rows, L1_FEATURES], values)], rows, truth };
    },
  };
}
