/**
 * Toy barrel tracker: hits on cylinders, and candidate edges between them. The
 * inputs of edge_filter (what both hits look like) and graph_edges (where they
 * lie, as a graph).
 *
 * Particles come from the beam line in a 2 T field and cross ten cylinders;
 * hits are smeared and noise is added. An edge joins hits of neighbouring
 * cylinders that are close enough; it is true where one particle made both.
 */
import type { Random } from "../random.ts";

/** Radii of the cylinders, metres. */
const LAYERS_M = [0.032, 0.072, 0.116, 0.172, 0.26, 0.36, 0.5, 0.66, 0.82, 1.02] as const;
const HALF_LENGTH_M = 1.5;

/** Of one hit; an edge has those of the inner and then of the outer hit. */
export const HIT_FEATURES = [
  "r", // m
  "phi", // rad
  "z", // m
  "cells", // channels that fired
  "charge", // MIP
  "length_z", // of the cluster, in pitches of 50 um
  "length_phi",
  "angle_z", // local direction that the cluster's shape suggests
  "angle_phi",
  "thickness", // of the sensor, units of 100 um
  "tilt", // of the sensor, rad
  "layer",
] as const;

export interface Hit {
  readonly r: number;
  readonly phi: number;
  readonly z: number;
  readonly layer: number;
  /** Number of the particle; -1 for noise. */
  readonly particle: number;
  /** In the order of HIT_FEATURES. */
  readonly features: readonly number[];
}

export interface TrackerEvent {
  readonly hits: readonly Hit[];
  /** Positions in `hits`: inner, outer. */
  readonly edges: readonly (readonly [number, number])[];
  /** 1 where one particle made both hits. */
  readonly truth: Uint8Array;
}

export function generateTrackerEvent(random: Random, particles: number): TrackerEvent {
  const hits: Hit[] = [];
  for (let particle = 0; particle < particles; particle++) {
    hits.push(...particleHits(random, particle));
  }
  const noise = random.poisson(0.1 * hits.length + 1);
  for (let i = 0; i < noise; i++) {
    const layer = random.integer(LAYERS_M.length);
    const phi = random.uniform(-Math.PI, Math.PI);
    const z = random.uniform(-HALF_LENGTH_M, HALF_LENGTH_M);
    hits.push(hit(random, layer, phi, z, random.uniform(-2, 2), random.normal(0, 0.3), -1));
  }
  return { hits, ...findEdges(hits) };
}

function particleHits(random: Random, particle: number): Hit[] {
  const pt = random.powerLaw(0.5, 50, 2.5);
  const bendRadiusM = (pt / (0.3 * 2)) * (random.chance(0.5) ? 1 : -1);
  const phi0 = random.uniform(-Math.PI, Math.PI);
  const cotTheta = Math.sinh(random.uniform(-2, 2));
  const z0 = random.normal(0, 0.05);
  return LAYERS_M.flatMap((r, layer) => {
    const bend = Math.asin(Math.max(-1, Math.min(1, r / (2 * bendRadiusM))));
    const z = z0 + cotTheta * 2 * bendRadiusM * bend;
    if (Math.abs(z) > HALF_LENGTH_M || Math.abs(r / (2 * bendRadiusM)) >= 1) return [];
    if (random.chance(0.03)) return []; // an inefficient sensor
    const phi = phi0 - bend;
    return [hit(random, layer, phi, z, cotTheta, bend, particle)];
  });
}

function hit(
  random: Random,
  layer: number,
  phi: number,
  z: number,
  cotTheta: number,
  bend: number,
  particle: number,
): Hit {
  const r = LAYERS_M[layer] as number;
  const thickness = layer < 4 ? 1.5 : 3;
  const lengthZ = 1 + thickness * Math.abs(cotTheta) + 0.3 * Math.abs(random.normal());
  const lengthPhi = 1 + thickness * Math.abs(Math.tan(bend)) + 0.3 * Math.abs(random.normal());
  const path = Math.sqrt(1 + cotTheta * cotTheta);
  const smearedPhi = wrap(phi + random.normal(0, 20e-6) / r);
  const smearedZ = z + random.normal(0, 100e-6);
  const features = [
    r,
    smearedPhi,
    smearedZ,
    Math.max(1, Math.round(lengthZ * lengthPhi)),
    thickness * path * (1 + 0.2 * random.exponential(1)),
    lengthZ,
    lengthPhi,
    Math.atan(cotTheta) + random.normal(0, 0.1),
    bend + random.normal(0, 0.05),
    thickness,
    layer < 4 ? 0.2 : 0,
    layer,
  ];
  return { r, phi: smearedPhi, z: smearedZ, layer, particle, features };
}

/** Windows that keep nearly every true pair of 0.5 GeV and more. */
const MOST_DELTA_PHI = 0.12;
const MOST_DELTA_Z_PER_M = 4;

function findEdges(hits: readonly Hit[]): Pick<TrackerEvent, "edges" | "truth"> {
  const byLayer = LAYERS_M.map((_, layer) =>
    hits.flatMap((candidate, index) => (candidate.layer === layer ? [index] : [])),
  );
  const edges: [number, number][] = [];
  const truth: number[] = [];
  for (let layer = 0; layer + 1 < LAYERS_M.length; layer++) {
    for (const inner of byLayer[layer] as number[]) {
      for (const outer of byLayer[layer + 1] as number[]) {
        const [a, b] = [hits[inner] as Hit, hits[outer] as Hit];
        if (Math.abs(wrap(b.phi - a.phi)) > MOST_DELTA_PHI) continue;
        if (Math.abs(b.z - a.z) > MOST_DELTA_Z_PER_M * (b.r - a.r)) continue;
        edges.push([inner, outer]);
        truth.push(a.particle >= 0 && a.particle === b.particle ? 1 : 0);
      }
    }
  }
  return { edges, truth: Uint8Array.from(truth) };
}

function wrap(phi: number): number {
  return phi - 2 * Math.PI * Math.round(phi / (2 * Math.PI));
}

/** One row per edge: [edges, 24] FP32, features of the inner and of the outer hit. */
export function edgeRows(event: TrackerEvent): Float32Array {
  const half = HIT_FEATURES.length;
  const rows = new Float32Array(event.edges.length * 2 * half);
  event.edges.forEach(([inner, outer], row) => {
    rows.set((event.hits[inner] as Hit).features, row * 2 * half);
    rows.set((event.hits[outer] as Hit).features, row * 2 * half + half);
  });
  return rows;
}

/** The event as a graph: nodes [hits, 3] FP32 (r, phi, z), edges [2, edges] INT64. */
export function graphTensors(event: TrackerEvent): {
  readonly nodes: Float32Array;
  readonly edges: BigInt64Array;
} {
  const nodes = Float32Array.from(event.hits.flatMap(({ r, phi, z }) => [r, phi, z]));
  const count = event.edges.length;
  const edges = new BigInt64Array(2 * count);
  event.edges.forEach(([inner, outer], i) => {
    edges[i] = BigInt(inner);
    edges[count + i] = BigInt(outer);
  });
  return { nodes, edges };
}
