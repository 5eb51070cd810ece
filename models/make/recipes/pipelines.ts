/** The steps of the two ensembles, beside jet_tagger. Nothing is trained. */
import { generateTaggerSample, JET_OBSERVABLES, TAGGER_CLASSES } from "../data/jet-observables.ts";
import { ELEMENT_TYPE, OnnxGraph } from "../onnx/onnx-graph.ts";
import type { Random } from "../random.ts";
import { fp32, type Recipe } from "../recipe.ts";

/** Observables that are momenta or masses. */
const IN_GEV: readonly string[] = ["pt", "mass", "groomed_mass"];
/** Beside a probability of zero. */
const SMALL = 1e-6;
/** Samples of strain that come at a time, and that are looked at. */
const UPDATE = 64;
const WINDOW = 256;

const noise = (random: Random, rows: number, width: number) =>
  fp32(
    Float32Array.from({ length: rows * width }, () => random.normal()),
    [rows, width],
  );

/** Observables with momenta in MeV, as a reconstruction keeps them, to those that jet_tagger was trained on. */
export const jetUnits: Recipe = {
  name: "jet_units",

  build() {
    const graph = new OnnxGraph("jet_units", "Momenta and masses from MeV to GeV");
    const width = JET_OBSERVABLES.length;
    const jets = graph.input("jets_mev", "FP32", ["batch", width]);
    const factors = JET_OBSERVABLES.map((name) => (IN_GEV.includes(name) ? 1e-3 : 1));
    graph.node("Mul", [jets, graph.floats(factors, [width])], {}, "jets");
    graph.output("jets", "FP32", ["batch", width]);
    return graph.finish();
  },

  sample(random, size) {
    const width = JET_OBSERVABLES.length;
    const { inputs } = generateTaggerSample(random, size);
    const mev = inputs.map((x, at) =>
      IN_GEV.includes(JET_OBSERVABLES[at % width] ?? "") ? 1e3 * x : x,
    );
    return { jets_mev: fp32(mev, [size, width]) };
  },
};

/** The logarithm of top against gluon and light, and 1 where it is positive. */
export const jetDecision: Recipe = {
  name: "jet_decision",

  build() {
    const graph = new OnnxGraph("jet_decision", "Top against gluon and light");
    const classes = TAGGER_CLASSES.length;
    const probabilities = graph.input("probabilities", "FP32", ["batch", classes]);
    const logarithm = (...names: readonly string[]) => {
      const chosen = TAGGER_CLASSES.map((name) => (names.includes(name) ? 1 : 0));
      const sum = graph.node("MatMul", [probabilities, graph.floats(chosen, [classes, 1])]);
      return graph.node("Log", [graph.node("Add", [sum, graph.floats([SMALL], [1])])]);
    };
    const top = logarithm("top");
    graph.node("Sub", [top, logarithm("gluon", "light")], {}, "discriminant");
    const positive = graph.node("Max", ["discriminant", graph.floats([0], [1])]);
    const same = graph.node("Equal", ["discriminant", positive]);
    graph.node("Cast", [same], { to: ELEMENT_TYPE.FP32 }, "accepted");
    for (const output of ["discriminant", "accepted"]) graph.output(output, "FP32", ["batch", 1]);
    return graph.finish();
  },

  sample(random, size) {
    const rows = Float32Array.from({ length: size * TAGGER_CLASSES.length }, () =>
      random.uniform(),
    );
    return { probabilities: fp32(rows, [size, TAGGER_CLASSES.length]) };
  },
};

/** The last samples of a channel: the state of a sequence, which every request moves on. */
export const strainWindow: Recipe = {
  name: "strain_window",

  build() {
    const graph = new OnnxGraph("strain_window", "The window moved on by an update");
    const update = graph.input("update", "FP32", ["batch", UPDATE]);
    const before = graph.input("window_in", "FP32", ["batch", WINDOW]);
    const [from, to, axis] = [UPDATE, WINDOW, 1].map((value) => graph.integers([value]));
    const kept = graph.node("Slice", [before, from ?? "", to ?? "", axis ?? ""]);
    graph.node("Concat", [kept, update], { axis: 1 }, "window");
    graph.node("Identity", ["window"], {}, "window_out");
    for (const output of ["window", "window_out"]) graph.output(output, "FP32", ["batch", WINDOW]);
    return graph.finish();
  },

  sample: (random, size) => ({
    update: noise(random, size, UPDATE),
    window_in: noise(random, size, WINDOW),
  }),
};

/** Mean square of a window. */
export const strainPower: Recipe = {
  name: "strain_power",

  build() {
    const graph = new OnnxGraph("strain_power", "The mean square of a window");
    const window = graph.input("window", "FP32", ["batch", WINDOW]);
    const squares = graph.node("Mul", [window, window]);
    graph.node("ReduceMean", [squares], { axes: [1], keepdims: 1 }, "power");
    graph.output("power", "FP32", ["batch", 1]);
    return graph.finish();
  },

  sample: (random, size) => ({ window: noise(random, size, WINDOW) }),
};
