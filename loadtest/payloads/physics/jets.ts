/** Jets: 16 observables each, or all their particles and vertices. Signal: top quarks. */

import { packJets } from "../../../models/make/data/jet-constituents.ts";
import {
  JET_OBSERVABLES,
  jetObservables,
  TAGGER_CLASSES,
} from "../../../models/make/data/jet-observables.ts";
import { FLAVOURS, type Flavour, generateJet, type Jet } from "../../../models/make/data/jets.ts";
import type { Random } from "../../../models/make/random.ts";
import type { Truth } from "../../types.ts";
import { type RowGenerator, tensor } from "../made-rows.ts";

/** @param signalShare undefined: all flavours alike */
function jetsOf(
  random: Random,
  rows: number,
  flavours: readonly Flavour[],
  signalShare: number | undefined,
): Jet[] {
  const others = flavours.filter((flavour) => flavour !== "top");
  return Array.from({ length: rows }, () => {
    const from =
      signalShare === undefined ? flavours : random.chance(signalShare) ? ["top" as const] : others;
    return generateJet(random, from[random.integer(from.length)] ?? "light");
  });
}

function truthOf(jets: readonly Jet[]): Truth {
  return {
    variable: "jet transverse momentum (GeV)",
    values: Float64Array.from(jets, ({ pt }) => pt),
    signal: Uint8Array.from(jets, ({ flavour }) => (flavour === "top" ? 1 : 0)),
  };
}

/** Observables that are momenta or masses: the others have no unit. */
const IN_GEV: readonly string[] = ["pt", "mass", "groomed_mass"];

/** @param unitsPerGeV 1000: momenta and masses in MeV */
export function jetObservableRows(signalShare: number | undefined, unitsPerGeV = 1): RowGenerator {
  const width = JET_OBSERVABLES.length;
  const factors = JET_OBSERVABLES.map((name) => (IN_GEV.includes(name) ? unitsPerGeV : 1));
  return {
    describe: `observables of jets${unitsPerGeV === 1000 ? ", in MeV" : ""}; signal: top quarks`,
    make(random, rows) {
      const jets = jetsOf(random, rows, TAGGER_CLASSES, signalShare);
      const values = Float32Array.from(jets.flatMap(jetObservables), (value, at) => {
        return value * (factors[at % width] ?? 1);
      });
      return {
        inputs: [tensor("input", "FP32", [rows, width], values)],
        rows,
        truth: truthOf(jets),
      };
    },
  };
}

/** Padded with zeros to the longest jet of the request, as the exports of ParticleNet want it. */
export function jetConstituentRows(signalShare: number | undefined): RowGenerator {
  return {
    describe: "particles and vertices of jets; signal: top quarks",
    make(random, rows) {
      const jets = jetsOf(random, rows, FLAVOURS, signalShare);
      const batch = packJets(jets);
      const of = (name: string, values: Float32Array, length: number) =>
        tensor(name, "FP32", [rows, values.length / rows / length, length], values);
      return {
        inputs: [
          of("pf_points", batch.pfPoints, batch.particles),
          of("pf_features", batch.pfFeatures, batch.particles),
          of("pf_mask", batch.pfMask, batch.particles),
          of("sv_points", batch.svPoints, batch.vertices),
          of("sv_features", batch.svFeatures, batch.vertices),
          of("sv_mask", batch.svMask, batch.vertices),
        ],
        rows,
        truth: truthOf(jets),
      };
    },
  };
}
