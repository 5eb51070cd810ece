/** Toy summaries of reconstructed tracks: the input of track_classifier. */
import type { Random } from "../random.ts";

export const TRACK_FEATURES = [
  "pt", // GeV
  "eta",
  "measurements",
  "holes", // layers crossed without a hit
  "outliers", // hits left out of the fit
  "shared_hits", // hits that other tracks use too
  "chi2_per_dof",
  "log_d0", // ln(1 + |d0| / 0.01 mm)
] as const;

export interface TrackSample {
  /** [rows, 8] FP32, in the order of TRACK_FEATURES. */
  readonly inputs: Float32Array;
  /** 1 for the track of one particle, 0 for a duplicate or a ghost. */
  readonly real: Uint8Array;
}

/** A mixture: 60 % real, 25 % duplicates (share most hits), 15 % ghosts (random hits). */
export function generateTracks(random: Random, rows: number): TrackSample {
  const inputs = new Float32Array(rows * TRACK_FEATURES.length);
  const real = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) {
    const draw = random.uniform();
    const kind = draw < 0.6 ? "real" : draw < 0.85 ? "duplicate" : "ghost";
    inputs.set(summary(random, kind), row * TRACK_FEATURES.length);
    real[row] = kind === "real" ? 1 : 0;
  }
  return { inputs, real };
}

function summary(random: Random, kind: "real" | "duplicate" | "ghost"): number[] {
  const eta = random.uniform(-2.5, 2.5);
  // Forward tracks cross more layers.
  const layers = Math.round(9 + 1.2 * Math.abs(eta) + random.normal(0, 1));
  const lost = { real: 0.6, duplicate: 1.6, ghost: 2 }[kind];
  const holes = Math.min(layers - 4, random.poisson(lost));
  const measurements = Math.max(4, layers - holes);
  const shared = { real: 0.9, duplicate: 0.4 * measurements, ghost: 1.6 }[kind];
  const fit = { real: 1, duplicate: 1.1, ghost: 1.8 }[kind];
  const displacedMm = { real: 0.03, duplicate: 0.05, ghost: 0.25 }[kind];
  const secondary = kind === "real" && random.chance(0.05) ? 10 : 1;
  return [
    random.powerLaw(0.4, 100, kind === "ghost" ? 3.2 : 2.6),
    eta,
    measurements,
    holes,
    random.poisson({ real: 0.3, duplicate: 0.5, ghost: 1.2 }[kind]),
    Math.min(measurements, random.poisson(shared)),
    Math.max(0.1, fit + random.normal(0, 0.35) + 0.25 * random.exponential(1)),
    Math.log(1 + (random.exponential(displacedMm) * secondary) / 0.01),
  ];
}
