/** Jets as lists of particles and vertices of any length: the six inputs of particle_jets. */
import type { Random } from "../random.ts";
import { FLAVOURS, type Flavour, generateJet, type Jet, type Particle } from "./jets.ts";

export const PARTICLE_FEATURES = [
  "log_pt", // ln(pt / GeV)
  "log_energy", // ln(energy / GeV), massless
  "share", // pt / jet pt
  "log_share",
  "delta_r",
  "log_kt", // ln(pt * delta_r / GeV)
  "charge",
  "is_charged_hadron",
  "is_neutral_hadron",
  "is_photon",
  "is_electron",
  "is_muon",
  "d0", // tanh(d0 / 1 mm)
  "d0_significance", // tanh(d0 / 10 sigma)
  "dz", // tanh(dz / 1 mm)
  "from_pileup", // 1 for a track more than 2 mm away along the beam
  "displaced", // 1 for a track more than 3 sigma away
  "cos_direction", // of the angle around the jet axis
  "sin_direction",
  "jet_eta",
] as const;

export const VERTEX_FEATURES = [
  "log_pt",
  "share", // of the jet's momentum
  "delta_r",
  "mass", // GeV
  "mass_per_track",
  "tracks",
  "flight_resolution", // mm
  "log_flight", // ln(flight / mm)
  "log_flight_significance",
  "chi2",
  "pointing", // -log10(1 - cos)
] as const;

/**
 * Jets padded with zeros to the longest of the batch, features before particles
 * as ParticleNet's exports have it; the mask is 1 where a particle (vertex) is.
 */
export interface ConstituentBatch {
  readonly rows: number;
  /** Length of the particle axis, at least 1. */
  readonly particles: number;
  /** Length of the vertex axis, at least 1. */
  readonly vertices: number;
  /** [rows, 2, particles]: delta eta, delta phi. */
  readonly pfPoints: Float32Array;
  /** [rows, 20, particles], in the order of PARTICLE_FEATURES. */
  readonly pfFeatures: Float32Array;
  /** [rows, 1, particles]. */
  readonly pfMask: Float32Array;
  /** [rows, 2, vertices]. */
  readonly svPoints: Float32Array;
  /** [rows, 11, vertices], in the order of VERTEX_FEATURES. */
  readonly svFeatures: Float32Array;
  /** [rows, 1, vertices]. */
  readonly svMask: Float32Array;
}

/** `rows` jets, the flavours in turn, from class number `first` on. */
export function generateJets(random: Random, rows: number, first = 0): Jet[] {
  return Array.from({ length: rows }, (_, row) =>
    generateJet(random, FLAVOURS[(row + first) % FLAVOURS.length] as Flavour),
  );
}

/** @param extra zeros to append to both axes: they must not change any answer */
export function packJets(jets: readonly Jet[], extra = 0): ConstituentBatch {
  const longest = (lengths: number[]) => Math.max(1, ...lengths) + extra;
  const particles = longest(jets.map((jet) => jet.particles.length));
  const vertices = longest(jets.map((jet) => jet.vertices.length));
  const of = (channels: number, length: number) =>
    new Float32Array(jets.length * channels * length);
  const batch: ConstituentBatch = {
    rows: jets.length,
    particles,
    vertices,
    pfPoints: of(2, particles),
    pfFeatures: of(PARTICLE_FEATURES.length, particles),
    pfMask: of(1, particles),
    svPoints: of(2, vertices),
    svFeatures: of(VERTEX_FEATURES.length, vertices),
    svMask: of(1, vertices),
  };
  jets.forEach((jet, row) => {
    jet.particles.forEach((particle, i) => {
      const at = { row, i, length: particles };
      place(batch.pfPoints, at, [particle.deltaEta, particle.deltaPhi]);
      place(batch.pfFeatures, at, particleFeatures(jet, particle));
      place(batch.pfMask, at, [1]);
    });
    jet.vertices.forEach((vertex, i) => {
      const at = { row, i, length: vertices };
      place(batch.svPoints, at, [vertex.deltaEta, vertex.deltaPhi]);
      place(batch.svFeatures, at, vertexFeatures(jet, vertex));
      place(batch.svMask, at, [1]);
    });
  });
  return batch;
}

/** Writes one column of row `row` of a [rows, channels, length] tensor. */
function place(
  tensor: Float32Array,
  at: { readonly row: number; readonly i: number; readonly length: number },
  column: readonly number[],
): void {
  column.forEach((value, channel) => {
    tensor[(at.row * column.length + channel) * at.length + at.i] = value;
  });
}

function particleFeatures(jet: Jet, particle: Particle): number[] {
  const { pt, deltaEta, deltaPhi, d0, d0Sigma, dz, kind } = particle;
  const radius = Math.hypot(deltaEta, deltaPhi);
  const significance = d0Sigma > 0 ? d0 / d0Sigma : 0;
  return [
    Math.log(pt),
    Math.log(pt * Math.cosh(jet.eta + deltaEta)),
    pt / jet.pt,
    Math.log(pt / jet.pt),
    radius,
    Math.log(pt * radius + 1e-3),
    particle.charge,
    kind === "charged-hadron" ? 1 : 0,
    kind === "neutral-hadron" ? 1 : 0,
    kind === "photon" ? 1 : 0,
    kind === "electron" ? 1 : 0,
    kind === "muon" ? 1 : 0,
    Math.tanh(d0),
    Math.tanh(significance / 10),
    Math.tanh(dz),
    Math.abs(dz) > 2 ? 1 : 0,
    significance > 3 ? 1 : 0,
    radius > 0 ? deltaEta / radius : 0,
    radius > 0 ? deltaPhi / radius : 0,
    jet.eta,
  ];
}

function vertexFeatures(jet: Jet, vertex: Jet["vertices"][number]): number[] {
  return [
    Math.log(vertex.pt),
    vertex.pt / jet.pt,
    Math.hypot(vertex.deltaEta, vertex.deltaPhi),
    vertex.mass,
    vertex.mass / vertex.tracks,
    vertex.tracks,
    vertex.flightSigma,
    Math.log(vertex.flight),
    Math.log(vertex.flight / vertex.flightSigma),
    vertex.chi2,
    -Math.log10(1 - vertex.cosPointing + 1e-6),
  ];
}
