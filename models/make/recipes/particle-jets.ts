/**
 * particle_jets: particles and vertices of a jet, any number of each, to the
 * probabilities of 8 origins. Deep sets (Zaheer et al., 2017): every particle
 * through one network, the results added where the mask is 1, the sum through
 * another, so that neither the order nor zero padding changes the answer.
 */
import {
  generateJets,
  PARTICLE_FEATURES,
  packJets,
  VERTEX_FEATURES,
} from "../data/jet-constituents.ts";
import { FLAVOURS, type Jet } from "../data/jets.ts";
import { DenseStack } from "../nn/dense-stack.ts";
import { softmaxSlope } from "../nn/losses.ts";
import { accuracy } from "../nn/quality.ts";
import { applyScaling, measureScaling } from "../nn/scaling.ts";
import { type PackedSets, SumOver } from "../nn/sum-over.ts";
import { train } from "../nn/train.ts";
import { appendDense } from "../onnx/dense-nodes.ts";
import { OnnxGraph } from "../onnx/onnx-graph.ts";
import { Random } from "../random.ts";
import { floatsOf, fp32, type NamedTensors, type Recipe } from "../recipe.ts";

const CLASSES = FLAVOURS.length;
/** Both coordinates of the points come first. */
const PF_WIDTH = 2 + PARTICLE_FEATURES.length;
const SV_WIDTH = 2 + VERTEX_FEATURES.length;
const PF_LATENT = 32;
const SV_LATENT = 16;
/** Brings sums over some 50 particles near 1. */
const SUM_SCALE = 16;

/** One row per particle (or vertex): its points, then its features. */
function pack(jets: readonly Jet[], which: "pf" | "sv"): PackedSets {
  const rows: number[] = [];
  const starts = [0];
  const width = which === "pf" ? PF_WIDTH : SV_WIDTH;
  for (const jet of jets) {
    const batch = packJets([jet]);
    const length = which === "pf" ? batch.particles : batch.vertices;
    const points = which === "pf" ? batch.pfPoints : batch.svPoints;
    const features = which === "pf" ? batch.pfFeatures : batch.svFeatures;
    const count = which === "pf" ? jet.particles.length : jet.vertices.length;
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < 2; c++) rows.push(points[c * length + i] as number);
      for (let c = 0; c < width - 2; c++) rows.push(features[c * length + i] as number);
    }
    starts.push(rows.length / width);
  }
  return { rows: Float64Array.from(rows), starts: Uint32Array.from(starts) };
}

function requestOf(jets: readonly Jet[], extra = 0): NamedTensors {
  const batch = packJets(jets, extra);
  const { rows, particles, vertices } = batch;
  return {
    pf_points: fp32(batch.pfPoints, [rows, 2, particles]),
    pf_features: fp32(batch.pfFeatures, [rows, PARTICLE_FEATURES.length, particles]),
    pf_mask: fp32(batch.pfMask, [rows, 1, particles]),
    sv_points: fp32(batch.svPoints, [rows, 2, vertices]),
    sv_features: fp32(batch.svFeatures, [rows, VERTEX_FEATURES.length, vertices]),
    sv_mask: fp32(batch.svMask, [rows, 1, vertices]),
  };
}

interface Stacks {
  readonly perParticle: DenseStack;
  readonly perVertex: DenseStack;
  readonly perJet: DenseStack;
}

function trainStacks(): Stacks {
  const random = new Random(20);
  const jets = generateJets(random, 8_000);
  const [pf, sv] = [pack(jets, "pf"), pack(jets, "sv")];
  const pfScaling = measureScaling(pf.rows, PF_WIDTH);
  const svScaling = measureScaling(sv.rows, SV_WIDTH);
  const pfPacked = { ...pf, rows: applyScaling(pf.rows, pfScaling) };
  const svPacked = { ...sv, rows: applyScaling(sv.rows, svScaling) };
  const perParticle = new DenseStack([PF_WIDTH, 32, PF_LATENT], random, "relu");
  const perVertex = new DenseStack([SV_WIDTH, 16, SV_LATENT], random, "relu");
  const stride = PF_LATENT + SV_LATENT;
  const perJet = new DenseStack([stride, 48, CLASSES], random);
  const particles = new SumOver(perParticle, pfPacked, PF_WIDTH, PF_LATENT);
  const vertices = new SumOver(perVertex, svPacked, SV_WIDTH, SV_LATENT);
  train({
    parameters: [perParticle, perVertex, perJet].flatMap((stack) => stack.parameters),
    examples: jets.length,
    epochs: 6,
    batchSize: 64,
    learningRate: 3e-3,
    random,
    step(examples) {
      const sums = new Float64Array(examples.length * stride);
      particles.forward(examples, sums, stride, 0);
      vertices.forward(examples, sums, stride, PF_LATENT);
      const logits = perJet.forward(
        sums.map((sum) => sum / SUM_SCALE),
        examples.length,
      );
      const truth = Uint8Array.from(examples, (example) => example % CLASSES);
      const slope = perJet
        .backward(softmaxSlope(logits, CLASSES, truth), examples.length)
        .map((value) => value / SUM_SCALE);
      particles.backward(slope, stride, 0);
      vertices.backward(slope, stride, PF_LATENT);
    },
  });
  perParticle.absorb(pfScaling);
  perVertex.absorb(svScaling);
  const unscaled = new Float64Array(stride);
  perJet.absorb({ mean: unscaled, sigma: unscaled.map(() => SUM_SCALE) });
  return { perParticle, perVertex, perJet };
}

function exportGraph({ perParticle, perVertex, perJet }: Stacks): Uint8Array {
  const graph = new OnnxGraph("particle_jets", "Deep sets, trained on toy jets");
  const input = (name: string, channels: number, length: string) =>
    graph.input(name, "FP32", ["batch", channels, length]);
  const sumOf = (stack: DenseStack, kind: string, width: number) => {
    const axis = `n_${kind}`;
    const points = input(`${kind}_points`, 2, axis);
    const features = input(`${kind}_features`, width - 2, axis);
    const mask = input(`${kind}_mask`, 1, axis);
    const turned = (value: string) => graph.node("Transpose", [value], { perm: [0, 2, 1] });
    const members = turned(graph.node("Concat", [points, features], { axis: 1 }));
    const latent = appendDense(graph, stack, members, "last-axis");
    const kept = graph.node("Mul", [latent, turned(mask)]);
    return graph.node("ReduceSum", [kept, graph.integers([1])], { keepdims: 0 });
  };
  const sums = [sumOf(perParticle, "pf", PF_WIDTH), sumOf(perVertex, "sv", SV_WIDTH)];
  const logits = appendDense(graph, perJet, graph.node("Concat", sums, { axis: 1 }));
  graph.node("Softmax", [logits], { axis: -1 }, "softmax");
  graph.output("softmax", "FP32", ["batch", CLASSES]);
  return graph.finish();
}

export const particleJets = {
  name: "particle_jets",

  build: () => exportGraph(trainStacks()),

  sample: (random, size) => requestOf(generateJets(random, size)),

  /** The same jets with `extra` zeros behind both axes. */
  padded: (random: Random, size: number, extra: number) =>
    requestOf(generateJets(random, size), extra),

  async measure(run, random, size) {
    const jets = generateJets(random, size);
    const scores = floatsOf(await run(requestOf(jets)), "softmax");
    const truth = jets.map(({ flavour }) => FLAVOURS.indexOf(flavour));
    return { accuracy: accuracy(scores, CLASSES, truth) };
  },
} as const satisfies Recipe & Record<"padded", unknown>;
