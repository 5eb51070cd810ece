/** Which models of the repository have variants for boards, and how those are made. */
import type { VariantOptions } from "./compile-variant.ts";
import { quantiseJetTagger } from "./jet-tagger.ts";
import { quantiseJetUnits } from "./jet-units.ts";
import type { NetworkJson } from "./network-json.ts";

export interface BoardRecipe {
  readonly model: string;
  /** From the model's ONNX file. Deterministic. */
  readonly quantise: (onnx: Uint8Array) => NetworkJson;
  readonly options: VariantOptions;
  /** As far as an output may be from that of the ONNX file. */
  readonly tolerance: number;
}

export const boardRecipes: readonly BoardRecipe[] = [
  {
    model: "jet_tagger",
    quantise: quantiseJetTagger,
    options: {
      ...{ name: "jet_tagger", numericClass: "ap_fixed-jet_tagger-1", clients: "floats" },
      ...{ units: 4, buffersPerUnit: 8, rowsPerCall: 1024 },
    },
    tolerance: 0.02,
  },
  {
    model: "jet_units",
    quantise: quantiseJetUnits,
    options: {
      ...{ name: "jet_units", numericClass: "ap_fixed-jet_units-1", clients: "floats" },
      ...{ units: 4, buffersPerUnit: 8, rowsPerCall: 1024 },
    },
    tolerance: 0.001,
  },
];
