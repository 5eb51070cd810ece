/** jet_tagger in fixed point, from the weights of its ONNX file. */
import { generateTaggerSample, JET_OBSERVABLES, TAGGER_CLASSES } from "../data/jet-observables.ts";
import { Random } from "../random.ts";
import { readOnnx } from "../reference/read-onnx.ts";
import type { NetworkJson } from "./network-json.ts";
import { signed } from "./network-json.ts";
import { normalisation } from "./normalise.ts";
import { type FloatLayer, quantiseDense } from "./quantise-dense.ts";
import { softmaxNode } from "./softmax.ts";

/** Up to 2048 GeV in steps of 2^-14: a thousandth of the spread of the narrowest observable. */
const OBSERVABLE = signed(26, 12);
const WIDTHS = { weights: 13, activations: 15 };
/** Jets that say where the binary points go; neither training nor figures start from this seed. */
const SAMPLE = { seed: 4, jets: 4000 };

export function quantiseJetTagger(onnx: Uint8Array): NetworkJson {
  const { inputs } = generateTaggerSample(new Random(SAMPLE.seed), SAMPLE.jets);
  const width = JET_OBSERVABLES.length;
  const rows = Array.from({ length: SAMPLE.jets }, (_, row) =>
    Array.from(inputs.subarray(row * width, (row + 1) * width)),
  );
  const [first, ...others] = layersOf(onnx);
  const { node, apply, absorb } = normalisation("normalised", rows, WIDTHS.activations);
  const { nodes, name } = quantiseDense(
    [absorb(first as FloatLayer), ...others],
    { name: node.name, type: node.out_t },
    rows.map(apply),
    WIDTHS,
  );
  const classes = TAGGER_CLASSES.length;
  return {
    format: "hls4ml-golden-1",
    name: "jet_tagger",
    description: "16-64-32-32-5, softmax; trained on toy jets, quantised after training",
    arithmetic: "ap_fixed",
    input_t: OBSERVABLE,
    n_input: width,
    nodes: [node, ...nodes, softmaxNode("softmax", name, classes)],
    outputs: [{ name: "probabilities", node: "softmax", n: classes }],
  };
}

/** The Gemm nodes, in order. @throws Error for a file that is no stack of them */
function layersOf(file: Uint8Array): readonly FloatLayer[] {
  const { nodes, constants } = readOnnx(file);
  const numbers = (name: string | undefined) => {
    const values = constants.get(name ?? "");
    if (values === undefined) throw new Error(`jet_tagger: no constant ${name} in its ONNX file`);
    return values.data;
  };
  return nodes.flatMap(({ operator, inputs, output }) => {
    if (operator !== "Gemm") return [];
    const relu = nodes.some((next) => next.operator === "Relu" && next.inputs[0] === output);
    return [{ weights: numbers(inputs[1]), bias: numbers(inputs[2]), relu }];
  });
}
