/**
 * ragged_io and ragged_mean: requests of different lengths in one execution. The
 * model gets their elements end to end, without a batch axis; what it must know
 * of their lengths the server tells it (`batch_input`). Nothing is trained.
 */
import { ELEMENT_TYPE, OnnxGraph } from "../onnx/onnx-graph.ts";
import type { Random } from "../random.ts";
import { fp32, type NamedTensor, type Recipe } from "../recipe.ts";

/** Elements handed back; `batch_output` gives each request its own. */
export const raggedIo: Recipe = {
  name: "ragged_io",

  build() {
    const graph = new OnnxGraph("ragged_io", "OUTPUT0 = INPUT0");
    const input = graph.input("INPUT0", "FP32", ["elements"]);
    graph.node("Identity", [input], {}, "OUTPUT0");
    graph.output("OUTPUT0", "FP32", ["elements"]);
    return graph.finish();
  },

  sample: (random, size) => ({ INPUT0: elements(random, size) }),
};

/** The mean of each event's hits; 0 for an event without. */
export const raggedMean: Recipe = {
  name: "ragged_mean",

  build() {
    const graph = new OnnxGraph("ragged_mean", "the mean of the hits of each event");
    const hits = graph.input("hits", "FP32", ["hits"]);
    const counts = graph.input("hit_count", "INT32", ["events"]);
    const ends = graph.input("hit_end", "INT32", ["events"]);
    // In FP64: what was added for the events before leaves no trace in the seven digits of the answer.
    const wide = (value: string) => graph.node("Cast", [value], { to: ELEMENT_TYPE.FP64 });
    const sums = graph.node("CumSum", [wide(hits), graph.integers([0], [])]);
    const nothing = wide(graph.floats([0], [1]));
    const before = graph.node("Concat", [nothing, sums], { axis: 0 });
    const atEnd = graph.node("Gather", [before, ends]);
    const atStart = graph.node("Gather", [before, graph.node("Sub", [ends, counts])]);
    const sum = graph.node("Sub", [atEnd, atStart]);
    const divisor = graph.node("Max", [wide(counts), wide(graph.floats([1], [1]))]);
    const mean = graph.node("Div", [sum, divisor]);
    graph.node("Cast", [mean], { to: ELEMENT_TYPE.FP32 }, "mean");
    graph.output("mean", "FP32", ["events"]);
    return graph.finish();
  },

  /** As many events as `size`, of no to six hits. */
  sample: (random, size) => {
    const counts = Array.from({ length: size }, () => random.integer(7));
    let end = 0;
    const ends = counts.map((count) => {
      end += count;
      return end;
    });
    return { hits: elements(random, end), hit_count: int32(counts), hit_end: int32(ends) };
  },
};

function elements(random: Random, length: number): NamedTensor {
  return fp32(
    Float32Array.from({ length }, () => random.normal()),
    [length],
  );
}

function int32(values: readonly number[]): NamedTensor {
  return { type: "INT32", data: Int32Array.from(values), shape: [values.length] };
}
