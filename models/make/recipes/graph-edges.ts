/**
 * graph_edges: a whole event as a graph; one probability per edge. No batch
 * axis: nodes and edges of two events cannot be joined row by row.
 */
import { generateTrackerEvent, graphTensors, type TrackerEvent } from "../data/tracker.ts";
import { areaUnderCurve } from "../nn/quality.ts";
import { appendDense } from "../onnx/dense-nodes.ts";
import { OnnxGraph } from "../onnx/onnx-graph.ts";
import { Random } from "../random.ts";
import { floatsOf, fp32, type NamedTensors, type Recipe } from "../recipe.ts";
import { trainBinary } from "./binary-mlp.ts";

/** Inner node (r, phi, z) and the way to the outer one (dr, dphi, dz). */
const EDGE_WIDTH = 6;
const TURN = 2 * Math.PI;

/** [edges, 6]: what the graph below computes from nodes and edges. */
function edgeInputs({ hits, edges }: TrackerEvent): number[] {
  return edges.flatMap(([inner, outer]) => {
    const [a, b] = [hits[inner], hits[outer]];
    if (a === undefined || b === undefined) return [];
    const deltaPhi = b.phi - a.phi;
    const wrapped = deltaPhi - TURN * Math.round(deltaPhi / TURN);
    return [a.r, a.phi, a.z, b.r - a.r, wrapped, b.z - a.z];
  });
}

function requestOf(event: TrackerEvent): NamedTensors {
  const { nodes, edges } = graphTensors(event);
  return {
    nodes: fp32(nodes, [event.hits.length, 3]),
    edges: { type: "INT64", data: edges, shape: [2, event.edges.length] },
  };
}

export const graphEdges: Recipe = {
  name: "graph_edges",

  build() {
    const random = new Random(3);
    const events = Array.from({ length: 14 }, () => generateTrackerEvent(random, 150));
    const inputs = Float32Array.from(events.flatMap(edgeInputs));
    const truth = Uint8Array.from(events.flatMap((event) => [...event.truth]));
    const widths = [EDGE_WIDTH, 48, 32, 1];
    const stack = trainBinary({ inputs, truth, widths, epochs: 10, batchSize: 128 }, random);

    const graph = new OnnxGraph("graph_edges", "Edge scores of a graph, trained on a toy tracker");
    const nodes = graph.input("nodes", "FP32", ["nodes", 3]);
    const edges = graph.input("edges", "INT64", [2, "edges"]);
    const end = (row: number) => graph.node("Gather", [edges, graph.integers([row], [])]);
    const inner = graph.node("Gather", [nodes, end(0)]);
    const outer = graph.node("Gather", [nodes, end(1)]);
    const step = graph.node("Sub", [outer, inner]);
    // phi, and only phi, is brought back to half a turn either way.
    const turns = graph.node("Mul", [step, graph.floats([0, 1 / TURN, 0], [3])]);
    const whole = graph.node("Mul", [
      graph.node("Round", [turns]),
      graph.floats([0, TURN, 0], [3]),
    ]);
    const wrapped = graph.node("Sub", [step, whole]);
    const features = graph.node("Concat", [inner, wrapped], { axis: 1 });
    const column = graph.node("Sigmoid", [appendDense(graph, stack, features)]);
    graph.node("Squeeze", [column, graph.integers([1])], {}, "score");
    graph.output("score", "FP32", ["edges"]);
    return graph.finish();
  },

  /** The first `size` edges of an event that has more. */
  sample: (random, size) => {
    const event = generateTrackerEvent(random, 10 + Math.ceil(size / 8));
    return requestOf({ ...event, edges: event.edges.slice(0, size) });
  },

  async measure(run, random, size) {
    const scores: number[] = [];
    const truth: number[] = [];
    while (scores.length < size) {
      const event = generateTrackerEvent(random, 150);
      scores.push(...floatsOf(await run(requestOf(event)), "score"));
      truth.push(...event.truth);
    }
    return { auc: areaUnderCurve(scores, truth) };
  },
};
