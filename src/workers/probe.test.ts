import { describe, expect, it } from "vitest";
import {
  BackendError,
  type Execution,
  type ModelInstance,
  type ModelVariant,
  type Tensor,
} from "../../backends/contract.ts";
import type { ModelSignature } from "../inference/request.ts";
import { probe } from "./probe.ts";

const signal = new AbortController().signal;

function variant(over: Partial<ModelVariant> = {}): ModelVariant {
  return {
    model: "m",
    version: "1",
    inputs: [{ name: "x", datatype: "FP32", shape: [3] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [3] }],
    maxBatchSize: 64,
    artifact: { digest: "", path: "", format: "test", platform: "any" },
    ...over,
  };
}

function instance(execute: (execution: Execution) => readonly Tensor[]): ModelInstance {
  return {
    device: { id: "d", vendor: "v", platform: "any" },
    execute: async (execution) => execute(execution),
    unload: async () => {},
  };
}

/** y = x, after `change` has seen the numbers and their count of rows. */
const mapping = (change: (values: Float32Array, rows: number) => void) =>
  instance(({ inputs: [x] }) => {
    if (x === undefined) throw new Error("no input");
    const data = Uint8Array.from(x.data);
    change(new Float32Array(data.buffer), x.shape[0] ?? 0);
    return [{ ...x, name: "y", data }];
  });

describe("a model whose rows do not depend on their company", () => {
  it("is found batch-invariant", async () => {
    const report = await probe(
      variant(),
      mapping((values) => void values.fill(1)),
      signal,
    );
    expect(report.batchInvariant).toBe(true);
    expect(report.firstRunUs).toBeGreaterThan(0);
  });

  it("is found so with texts too", async () => {
    const texts = variant({
      inputs: [{ name: "x", datatype: "BYTES", shape: [-1] }],
      outputs: [{ name: "y", datatype: "BYTES", shape: [-1] }],
    });
    const same = instance(({ inputs: [x] }) => (x ? [{ ...x, name: "y" }] : []));
    expect((await probe(texts, same, signal)).batchInvariant).toBe(true);
  });
});

describe("a model that rounds differently", () => {
  it.each([2, 7, 16, 64])("from %i rows on is found not batch-invariant", async (from) => {
    const model = mapping((values, rows) => {
      const last = values.length - 1;
      if (rows >= from) values[last] = (values[last] ?? 0) * (1 + 2 ** -22);
    });
    expect((await probe(variant(), model, signal)).batchInvariant).toBe(false);
  });
});

describe("a model that rounds one row in the middle differently", () => {
  it("is found not batch-invariant", async () => {
    const model = mapping((values, rows) => {
      if (rows === 7) values[3 * 4] = 1;
    });
    expect((await probe(variant(), model, signal)).batchInvariant).toBe(false);
  });
});

describe("a model about whose rows nothing can be said", () => {
  it("has no batch axis", async () => {
    const report = await probe(
      variant({ maxBatchSize: 0 }),
      mapping(() => {}),
      signal,
    );
    expect(report.batchInvariant).toBeUndefined();
  });

  it("is too slow to try", async () => {
    const slow = mapping(() => {
      const end = performance.now() + 20;
      while (performance.now() < end);
    });
    expect((await probe(variant(), slow, signal)).batchInvariant).toBeUndefined();
  });

  it("takes no random rows", async () => {
    const picky = mapping((values) => {
      if (values.some((value) => value !== 0)) throw new BackendError("input", "out of range");
    });
    expect((await probe(variant(), picky, signal)).batchInvariant).toBeUndefined();
  });
});

describe("a model with axes of any length", () => {
  it("is tried with longer ones until it runs", async () => {
    const free = variant({
      inputs: [{ name: "x", datatype: "FP32", shape: [-1] }],
      outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
    });
    const needsSixteen = mapping((values, rows) => {
      if (values.length / rows < 16) throw new Error("needs 16 neighbours");
    });
    expect((await probe(free, needsSixteen, signal)).batchInvariant).toBe(true);
  });
});

describe("a model that must not be served", () => {
  it("does not run: the reason is the backend's", async () => {
    const broken = instance(() => {
      throw new BackendError("internal", "BatchNormalization: Invalid rank");
    });
    const refusal = probe(variant(), broken, signal);
    await expect(refusal).rejects.toMatchObject({ fault: "artifact" });
    await expect(refusal).rejects.toThrow(
      "the model loads but does not run: BatchNormalization: Invalid rank",
    );
  });

  it("finds its device busy: another one may serve", async () => {
    const busy = instance(() => {
      throw new BackendError("exhausted", "out of memory");
    });
    await expect(probe(variant(), busy, signal)).rejects.toMatchObject({ fault: "exhausted" });
  });

  it.each([
    ["another datatype", { datatype: "FP64" }, /expected FP32 \[1, 3\], the model returned FP64/],
    [
      "another length",
      { shape: [1, 4] },
      /expected FP32 \[1, 3\], the model returned FP32 \[1, 4\]/,
    ],
    ["another rank", { shape: [3] }, /returned FP32 \[3\]/],
    ["other rows", { shape: [2, 3] }, /returned FP32 \[2, 3\]/],
    ["too few bytes", { data: new Uint8Array(8) }, /8 bytes instead of 12/],
    ["another name", { name: "z" }, /output "y" is missing/],
  ] as const)("returns %s than configured", async (_, over, reason) => {
    const right: Tensor = { name: "y", datatype: "FP32", shape: [1, 3], data: new Uint8Array(12) };
    const wrong = instance(() => [{ ...right, ...over }]);
    await expect(probe(variant(), wrong, signal)).rejects.toThrow(reason);
  });
});

describe("a model of ragged rows", () => {
  const open = { datatype: "FP32", shape: [-1] } as const;
  const counts = { name: "n", datatype: "INT32", shape: [-1], unbatched: true } as const;
  const model = variant({
    inputs: [{ name: "x", ...open, unbatched: true }, counts],
    outputs: [{ name: "y", ...open, unbatched: true }],
  });
  const signature: ModelSignature = {
    name: "m",
    version: "1",
    maxBatchSize: 64,
    inputs: [{ name: "x", ...open, ragged: true }],
    outputs: [{ name: "y", ...open, scatteredLike: 0 }],
    made: [{ from: "batch", spec: counts, kind: "BATCH_ELEMENT_COUNT", source: 0 }],
    decoupled: false,
    reproducible: false,
  };
  const numbers = ({ data }: Tensor) => new Int32Array(Uint8Array.from(data).buffer);

  it("is asked with the numbers that real requests would come with", async () => {
    const told: number[][] = [];
    const careful = instance(({ inputs: [x, n] }) => {
      if (x === undefined || n === undefined) throw new Error("an input is missing");
      told.push([...numbers(n)]);
      const elements = numbers(n).reduce((sum, count) => sum + count, 0);
      if (x.shape.length !== 1 || x.shape[0] !== elements) throw new Error("they do not add up");
      return [{ ...x, name: "y" }];
    });
    const report = await probe(model, careful, signal, signature);
    expect(report.batchInvariant).toBe(true);
    expect(told[0]).toEqual([1]);
    expect(told.some((counts) => counts.length > 1)).toBe(true);
  });

  it("is refused where its output cannot be parted by the shapes of its input", async () => {
    const greedy = instance(() => [
      { name: "y", datatype: "FP32", shape: [7], data: new Uint8Array(28) },
    ]);
    await expect(probe(model, greedy, signal, signature)).rejects.toThrow(
      /output 'y' of model 'm' version 1 cannot be parted: it has 7 elements/,
    );
  });
});
