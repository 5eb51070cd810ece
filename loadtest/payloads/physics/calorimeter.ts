/** Channels of a calorimeter. Signal: more than 10 GeV in the crossing of interest. */
import { CHANNEL_FEATURES, generateChannels } from "../../../models/make/data/calorimeter.ts";
import { type RowGenerator, tensor } from "../made-rows.ts";

const SIGNAL_GEV = 10;

export function calorimeterRows(): RowGenerator {
  return {
    describe: `calorimeter channels; signal: above ${SIGNAL_GEV} GeV`,
    make(random, rows) {
      const { inputs, energyGeV } = generateChannels(random, rows);
      return {
        inputs: [tensor("input", "FP32", [rows, CHANNEL_FEATURES], inputs)],
        rows,
        truth: {
          variable: "energy of the channel (GeV)",
          values: Float64Array.from(energyGeV),
          signal: Uint8Array.from(energyGeV, (energy) => (energy >= SIGNAL_GEV ? 1 : 0)),
        },
      };
    },
  };
}
