/** 16 numbers that describe the substructure of a jet: the input of jet_tagger. */
import type { Random } from "../random.ts";
import { type Flavour, generateJet, type Jet } from "./jets.ts";

/** The order is that of the class numbers in jet_tagger. */
export const TAGGER_CLASSES = ["gluon", "light", "w", "z", "top"] as const satisfies Flavour[];

export const JET_OBSERVABLES = [
  "pt", // GeV
  "mass", // GeV
  "groomed_mass", // GeV, of the particles with more than 1 % of the momentum
  "multiplicity",
  "charged_fraction", // of the momentum
  "leading_fraction", // of the momentum
  "dispersion", // sqrt(sum z^2)
  "entropy", // -sum z ln z
  "les_houches_angularity", // sum z sqrt(r)
  "width", // sum z r
  "thrust", // sum z r^2
  "ecf2", // sum over pairs z_i z_j r_ij
  "tau1", // distance to the nearest of 1, 2, 3 subjet axes, weighted by z
  "tau21",
  "tau32",
  "subjet_asymmetry", // momentum of the harder of two subjets
] as const;

/** What jet_tagger is asked: [rows, 16] FP32 in GeV and pure numbers, and the true classes. */
export interface TaggerSample {
  readonly inputs: Float32Array;
  /** Positions in TAGGER_CLASSES. */
  readonly classes: Uint8Array;
}

/** `rows` jets, the classes in turn. */
export function generateTaggerSample(random: Random, rows: number): TaggerSample {
  const width = JET_OBSERVABLES.length;
  const inputs = new Float32Array(rows * width);
  const classes = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) {
    const truth = row % TAGGER_CLASSES.length;
    classes[row] = truth;
    inputs.set(jetObservables(generateJet(random, TAGGER_CLASSES[truth] as Flavour)), row * width);
  }
  return { inputs, classes };
}

interface Piece {
  /** Share of the jet's momentum. */
  readonly z: number;
  readonly eta: number;
  readonly phi: number;
}

/** In the order of JET_OBSERVABLES. */
export function jetObservables(jet: Jet): number[] {
  const pt = jet.particles.reduce((sum, particle) => sum + particle.pt, 0);
  const pieces = jet.particles.map(
    (particle): Piece => ({
      z: particle.pt / pt,
      eta: particle.deltaEta,
      phi: particle.deltaPhi,
    }),
  );
  const axis = centre(pieces);
  const charged = jet.particles.reduce((sum, { pt, charge }) => sum + (charge === 0 ? 0 : pt), 0);
  const sum = (term: (piece: Piece) => number) =>
    pieces.reduce((total, piece) => total + term(piece), 0);
  const subjets = [1, 2, 3].map((count) => findSubjets(pieces, count));
  const [tau1 = 0, tau2 = 0, tau3 = 0] = subjets.map(({ tau }) => tau);
  return [
    pt,
    mass(pieces) * pt,
    mass(pieces.filter(({ z }) => z > 0.01)) * pt,
    pieces.length,
    charged / pt,
    pieces[0]?.z ?? 0,
    Math.sqrt(sum(({ z }) => z * z)),
    -sum(({ z }) => z * Math.log(z)),
    sum((piece) => piece.z * Math.sqrt(distance(piece, axis))),
    sum((piece) => piece.z * distance(piece, axis)),
    sum((piece) => piece.z * distance(piece, axis) ** 2),
    pairSum(pieces),
    tau1,
    tau2 / tau1,
    tau3 / tau2,
    Math.max(...(subjets[1]?.shares ?? [0])),
  ];
}

function distance(a: { eta: number; phi: number }, b: { eta: number; phi: number }): number {
  return Math.hypot(a.eta - b.eta, a.phi - b.phi);
}

function centre(pieces: readonly Piece[]): Piece {
  let z = 0;
  let eta = 0;
  let phi = 0;
  for (const piece of pieces) {
    z += piece.z;
    eta += piece.z * piece.eta;
    phi += piece.z * piece.phi;
  }
  return z > 0 ? { z, eta: eta / z, phi: phi / z } : { z, eta, phi };
}

/** Of massless pieces at small angles: m^2 = sum over pairs z_i z_j r_ij^2, in units of pt. */
function mass(pieces: readonly Piece[]): number {
  const { z, eta, phi } = centre(pieces);
  const spread = pieces.reduce((sum, p) => sum + p.z * distance(p, { eta, phi }) ** 2, 0);
  return Math.sqrt(z * spread); // the pairs' sum, without a loop over pairs
}

/** Over the 40 hardest pieces: the rest adds little and the cost grows with the square. */
function pairSum(pieces: readonly Piece[]): number {
  const hard = pieces.slice(0, 40);
  let sum = 0;
  hard.forEach((a, i) => {
    for (const b of hard.slice(i + 1)) sum += a.z * b.z * distance(a, b);
  });
  return sum;
}

/** Lloyd's algorithm, weighted by momentum, started at hard pieces that lie far apart. */
function findSubjets(
  pieces: readonly Piece[],
  count: number,
): { readonly tau: number; readonly shares: readonly number[] } {
  let axes: Piece[] = pieces.slice(0, 1);
  while (axes.length < count) {
    const gap = (piece: Piece) => piece.z * Math.min(...axes.map((axis) => distance(piece, axis)));
    axes.push(pieces.reduce((best, piece) => (gap(piece) > gap(best) ? piece : best)));
  }
  const nearest = (piece: Piece): number => {
    let best = 0;
    axes.forEach((axis, i) => {
      if (distance(piece, axis) < distance(piece, axes[best] as Piece)) best = i;
    });
    return best;
  };
  for (let round = 0; round < 4; round++) {
    const members = axes.map((): Piece[] => []);
    for (const piece of pieces) members[nearest(piece)]?.push(piece);
    axes = members.map((group, i) => (group.length > 0 ? centre(group) : (axes[i] as Piece)));
  }
  const shares = axes.map(() => 0);
  let tau = 0;
  for (const piece of pieces) {
    const owner = nearest(piece);
    shares[owner] = (shares[owner] as number) + piece.z;
    tau += piece.z * distance(piece, axes[owner] as Piece);
  }
  return { tau, shares };
}
