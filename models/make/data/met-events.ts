/**
 * Toy events for missing transverse momentum: the four inputs of met_regression.
 *
 * A boson that the detector does not see recoils against hard particles, under
 * pile-up. Charged particles know their vertex, neutral ones only a soft guess
 * of it (as PUPPI's weight is), so a plain sum is spoilt by pile-up and a
 * network that weights every candidate does better. The task of DeepMET.
 */
import type { Random } from "../random.ts";

/** Slots per event; what is not used stays zero. */
export const MET_CANDIDATES = 4500;

export const CANDIDATE_FEATURES = [
  "pt", // GeV
  "eta",
  "d0", // tanh(d0 / 1 mm), 0 for neutrals
  "dz", // tanh(dz / 1 mm)
  "puppi_weight", // 0 (pile-up) .. 1
  "phi",
  "px", // GeV
  "py",
] as const;

/** Values of the three categories; anything else counts as unknown. */
export const CATEGORIES = {
  charge: [-1, 0, 1],
  /** 1 charged hadron, 2 neutral hadron, 3 photon, 4 forward hadron. */
  kind: [1, 2, 3, 4],
  /** 0 other vertex, 1 no track, 2 near the primary vertex, 3 used in its fit. */
  vertex: [0, 1, 2, 3],
} as const;

export interface Candidate {
  /** In the order of CANDIDATE_FEATURES. */
  readonly features: readonly number[];
  readonly charge: number;
  readonly kind: number;
  readonly vertex: number;
}

export interface MetEvent {
  readonly candidates: readonly Candidate[];
  /** True missing momentum, GeV. */
  readonly trueX: number;
  readonly trueY: number;
}

/** @param pileup mean number of candidates that do not belong to the event */
export function generateMetEvent(random: Random, pileup: number): MetEvent {
  const candidates: Candidate[] = [];
  const missing = random.exponential(60);
  const phi = random.uniform(-Math.PI, Math.PI);
  const trueX = missing * Math.cos(phi);
  const trueY = missing * Math.sin(phi);

  // The recoil, and soft activity that balances on average.
  const recoil = 12 + random.poisson(10);
  const shares = Array.from({ length: recoil }, () => random.exponential(1));
  const total = shares.reduce((sum, share) => sum + share, 0);
  const axisEta = random.normal(0, 1.2);
  for (const share of shares) {
    // Spread around the recoil's axis; the momentum along it must add up.
    const spread = random.normal(0, 0.35);
    const pt = ((share / total) * missing) / 0.94;
    candidates.push(candidate(random, pt, axisEta + spread, phi + Math.PI + spread, true));
  }
  const soft = random.poisson(30);
  for (let i = 0; i < soft; i++) candidates.push(softCandidate(random, true));
  const others = Math.min(random.poisson(pileup), MET_CANDIDATES - candidates.length);
  for (let i = 0; i < others; i++) candidates.push(softCandidate(random, false));
  return { candidates, trueX, trueY };
}

function softCandidate(random: Random, primary: boolean): Candidate {
  const pt = 0.4 + random.exponential(1.1);
  return candidate(random, pt, random.uniform(-4, 4), random.uniform(-Math.PI, Math.PI), primary);
}

function candidate(
  random: Random,
  truePt: number,
  eta: number,
  truePhi: number,
  primary: boolean,
): Candidate {
  const draw = random.uniform();
  const forward = Math.abs(eta) > 2.5;
  const kind = forward ? 4 : draw < 0.6 ? 1 : draw < 0.85 ? 3 : 2;
  const charged = kind === 1;
  const resolution = { 1: 0.02, 2: 0.35, 3: 0.08, 4: 0.4 }[kind] as number;
  const pt = Math.max(0.2, truePt * random.normal(1, resolution));
  const phi = truePhi - 2 * Math.PI * Math.round(truePhi / (2 * Math.PI));
  const dzMm = charged ? (primary ? random.normal(0, 0.2) : random.normal(0, 45)) : 0;
  const d0Mm = charged ? random.normal(0, 0.05) : 0;
  const guess = random.normal(primary ? 0.75 : 0.3, 0.22);
  const weight = charged ? (Math.abs(dzMm) < 1 ? 1 : 0) : Math.max(0, Math.min(1, guess));
  const near = Math.abs(dzMm) < 1;
  return {
    features: [
      pt,
      eta,
      Math.tanh(d0Mm),
      Math.tanh(dzMm),
      weight,
      phi,
      pt * Math.cos(phi),
      pt * Math.sin(phi),
    ],
    charge: charged ? (random.chance(0.5) ? 1 : -1) : 0,
    kind,
    vertex: charged ? (near ? (random.chance(0.8) ? 3 : 2) : 0) : 1,
  };
}

/** What met_regression is asked; FP32, unused slots zero. */
export interface MetTensors {
  /** [events, slots, 8]. */
  readonly features: Float32Array;
  /** [events, slots, 1] each, in the order of CATEGORIES. */
  readonly categories: readonly [Float32Array, Float32Array, Float32Array];
}

export function packMetEvents(events: readonly MetEvent[], slots = MET_CANDIDATES): MetTensors {
  const width = CANDIDATE_FEATURES.length;
  const features = new Float32Array(events.length * slots * width);
  const column = () => new Float32Array(events.length * slots);
  const categories = [column(), column(), column()] as const;
  events.forEach((event, row) => {
    event.candidates.forEach((candidate, i) => {
      const at = row * slots + i;
      features.set(candidate.features, at * width);
      categories[0][at] = candidate.charge;
      categories[1][at] = candidate.kind;
      categories[2][at] = candidate.vertex;
    });
  });
  return { features, categories };
}
