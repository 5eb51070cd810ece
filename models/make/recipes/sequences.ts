/**
 * Models of sequences: those that Triton's client examples talk to, and one
 * that keeps a state. Nothing is trained.
 */
import { ELEMENT_TYPE, type ElementType, OnnxGraph } from "../onnx/onnx-graph.ts";
import type { Random } from "../random.ts";
import type { NamedTensor, Recipe } from "../recipe.ts";

const ROW = ["batch", 1] as const;

export const simpleSequence: Recipe = {
  name: "simple_sequence",
  build() {
    const graph = new OnnxGraph("simple_sequence", "INPUT + START");
    const [input, start] = inputs(graph, ["INPUT", "START", "READY"]);
    graph.node("Add", [input ?? "", start ?? ""], {}, "OUTPUT");
    graph.output("OUTPUT", "INT32", ROW);
    return graph.finish();
  },
  sample: (random, size) => samples(random, size, ["INPUT", "START", "READY"]),
};

export const simpleDynaSequence = dynaSequence("simple_dyna_sequence", "UINT64");
export const simpleStringDynaSequence = dynaSequence("simple_string_dyna_sequence", "BYTES");

export const runningSum: Recipe = {
  name: "running_sum",
  build() {
    const graph = new OnnxGraph("running_sum", "INPUT added to the state of the sequence");
    const sum = graph.node("Add", inputs(graph, ["INPUT", "SUM_IN"]), {}, "OUTPUT");
    graph.node("Identity", [sum], {}, "SUM_OUT");
    for (const output of ["OUTPUT", "SUM_OUT"]) graph.output(output, "INT32", ROW);
    return graph.finish();
  },
  sample: (random, size) => samples(random, size, ["INPUT", "SUM_IN"]),
};

/** INPUT + START + END * CORRID, the id as INT32. */
function dynaSequence(name: string, idType: "UINT64" | "BYTES"): Recipe {
  const numbers = ["INPUT", "START", "END", "READY"];
  return {
    name,
    build() {
      const graph = new OnnxGraph(name, "INPUT + START + END * CORRID");
      const [input = "", start = "", end = ""] = inputs(graph, numbers);
      const corrid = graph.input("CORRID", idType, ROW);
      const id = graph.node("Cast", [corrid], { to: ELEMENT_TYPE.INT32 });
      const begun = graph.node("Add", [input, start]);
      graph.node("Add", [begun, graph.node("Mul", [end, id])], {}, "OUTPUT");
      graph.output("OUTPUT", "INT32", ROW);
      return graph.finish();
    },
    sample: (random, size) => ({
      ...samples(random, size, numbers),
      CORRID: tensor(idType, size, () => random.integer(1000)),
    }),
  };
}

function inputs(graph: OnnxGraph, names: readonly string[]): readonly string[] {
  return names.map((name) => graph.input(name, "INT32", ROW));
}

/** Controls are 0 or 1, everything else is up to 1000. */
function samples(random: Random, size: number, names: readonly string[]) {
  const control = (name: string) => ["START", "END", "READY"].includes(name);
  return Object.fromEntries(
    names.map((name) => [
      name,
      tensor("INT32", size, () => random.integer(control(name) ? 2 : 1000)),
    ]),
  );
}

function tensor(type: ElementType, size: number, draw: () => number): NamedTensor {
  const values = Array.from({ length: size }, draw);
  const shape = [size, 1];
  if (type === "BYTES") return { type, shape, data: values.map(String) };
  if (type === "UINT64") return { type, shape, data: BigUint64Array.from(values, BigInt) };
  return { type, shape, data: Int32Array.from(values) };
}
