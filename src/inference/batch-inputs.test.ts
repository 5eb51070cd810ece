import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchInput } from "./batch-inputs.ts";
import type { BatchInput, BatchInputKind } from "./made-inputs.ts";

const made = (kind: BatchInputKind, datatype: "INT32" | "FP32" = "INT32"): BatchInput => ({
  from: "batch",
  spec: { name: "n", datatype, shape: [-1], unbatched: true },
  kind,
  source: 0,
});

function valuesOf(kind: BatchInputKind, shapes: readonly number[][], datatype?: "INT32" | "FP32") {
  const { shape, data } = batchInput(made(kind, datatype), shapes);
  const bytes = Uint8Array.from(data).buffer;
  return {
    shape,
    values: [...(datatype === "FP32" ? new Float32Array(bytes) : new Int32Array(bytes))],
  };
}

describe("what a model is told of its batch", () => {
  // A request of two rows and one of one row, the example of Triton's documentation.
  const shapes = [
    [2, 3, 1],
    [1, 2, 2],
  ];

  it.each<[BatchInputKind, number[], number[]]>([
    ["BATCH_ELEMENT_COUNT", [2], [6, 4]],
    ["BATCH_ACCUMULATED_ELEMENT_COUNT", [2], [6, 10]],
    ["BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO", [3], [0, 6, 10]],
    ["BATCH_MAX_ELEMENT_COUNT_AS_SHAPE", [6], [0, 0, 0, 0, 0, 0]],
    ["BATCH_ITEM_SHAPE", [3, 2], [3, 1, 3, 1, 2, 2]],
    ["BATCH_ITEM_SHAPE_FLATTEN", [6], [3, 1, 3, 1, 2, 2]],
  ])("%s", (kind, shape, values) => {
    expect(valuesOf(kind, shapes)).toEqual({ shape, values });
    expect(valuesOf(kind, shapes, "FP32")).toEqual({ shape, values });
  });

  it("stays right for requests without elements", () => {
    expect(
      valuesOf("BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO", [
        [1, 0],
        [1, 2],
        [1, 0],
      ]),
    ).toEqual({
      shape: [4],
      values: [0, 0, 2, 2],
    });
    expect(valuesOf("BATCH_MAX_ELEMENT_COUNT_AS_SHAPE", [[1, 0]])).toEqual({
      shape: [0],
      values: [],
    });
  });

  it("lets a model find every request again, whatever their lengths", () => {
    const request = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 6 }));
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 8 }), (requests) => {
        const all = requests.map(([rows, length]) => [rows, length]);
        const elements = requests.flatMap(([rows, length], i) =>
          new Array<number>(rows * length).fill(i),
        );
        const ends = valuesOf("BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO", all).values;
        const counts = valuesOf("BATCH_ELEMENT_COUNT", all).values;
        for (const [i, count] of counts.entries()) {
          const own = elements.slice(ends[i], ends[i + 1]);
          expect(own).toEqual(new Array<number>(count).fill(i));
        }
        expect(ends.at(-1)).toBe(elements.length);
        const items = valuesOf("BATCH_ITEM_SHAPE", all);
        expect(items.values).toEqual(
          requests.flatMap(([rows, length]) => new Array<number>(rows).fill(length)),
        );
        expect(valuesOf("BATCH_ITEM_SHAPE_FLATTEN", all).values).toEqual(items.values);
        expect(valuesOf("BATCH_MAX_ELEMENT_COUNT_AS_SHAPE", all).shape).toEqual([
          Math.max(...counts),
        ]);
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});
