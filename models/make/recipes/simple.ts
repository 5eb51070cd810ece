/**
 * simple, simple_int8, simple_string: sum and difference of two tensors of 16,
 * the models that Triton's client examples talk to. Nothing is trained.
 */
import { ELEMENT_TYPE, type ElementType, OnnxGraph } from "../onnx/onnx-graph.ts";
import type { Random } from "../random.ts";
import type { NamedTensor, Recipe } from "../recipe.ts";

const LENGTH = 16;

export const simple = addSub("simple", "INT32", (random, count) =>
  Int32Array.from({ length: count }, () => random.integer(2000) - 1000),
);

export const simpleInt8 = addSub("simple_int8", "INT8", (random, count) =>
  Int8Array.from({ length: count }, () => random.integer(100) - 50),
);

/** The elements are whole numbers in decimal. */
export const simpleString = addSub("simple_string", "BYTES", (random, count) =>
  Array.from({ length: count }, () => String(random.integer(2000) - 1000)),
);

function addSub(
  name: string,
  type: ElementType,
  numbers: (random: Random, count: number) => NamedTensor["data"],
): Recipe {
  return {
    name,

    build() {
      const graph = new OnnxGraph(name, "INPUT0 + INPUT1 and INPUT0 - INPUT1");
      // ONNX Runtime adds INT32, not INT8 or strings.
      const cast = (value: string, to: ElementType, as?: string) =>
        graph.node("Cast", [value], { to: ELEMENT_TYPE[to] }, as);
      const operands = ["INPUT0", "INPUT1"].map((input) => {
        const value = graph.input(input, type, ["batch", LENGTH]);
        return type === "INT32" ? value : cast(value, "INT32");
      });
      for (const [output, operator] of [
        ["OUTPUT0", "Add"],
        ["OUTPUT1", "Sub"],
      ] as const) {
        if (type === "INT32") graph.node(operator, operands, {}, output);
        else cast(graph.node(operator, operands), type, output);
        graph.output(output, type, ["batch", LENGTH]);
      }
      return graph.finish();
    },

    sample: (random, size) => {
      const input = () => ({
        type,
        shape: [size, LENGTH],
        data: numbers(random, size * LENGTH),
      });
      return { INPUT0: input(), INPUT1: input() };
    },
  };
}
