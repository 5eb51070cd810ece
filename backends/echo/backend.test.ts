import { describe, expect, it } from "vitest";
import { backendConformance } from "../conformance.ts";
import type { Datatype, ModelVariant, Tensor } from "../contract.ts";
import { echo } from "./backend.ts";

const signal = new AbortController().signal;

function variant(over: Partial<ModelVariant>, datatype: Datatype = "INT32"): ModelVariant {
  return {
    model: "echo",
    version: "1",
    inputs: ["x", "y"].map((name) => ({ name, datatype, shape: [2] })),
    outputs: ["sum", "difference"].map((name) => ({ name, datatype, shape: [2] })),
    maxBatchSize: 8,
    artifact: { digest: "", path: "", format: "echo", platform: "any" },
    ...over,
  };
}

const int32 = (name: string, shape: readonly number[], values: readonly number[]): Tensor => ({
  name,
  datatype: "INT32",
  shape,
  data: new Uint8Array(Int32Array.from(values).buffer),
});

function texts(name: string, words: readonly string[]): Tensor {
  const data = Buffer.concat(
    words.map((word) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(word));
      return Buffer.concat([length, Buffer.from(word)]);
    }),
  );
  return { name, datatype: "BYTES", shape: [words.length, 1], data };
}

async function load(of: ModelVariant) {
  const backend = await echo.create({}, { log() {} });
  const [device] = await backend.devices();
  if (device === undefined) throw new Error("no device");
  return backend.load(of, device, {}, signal);
}

describe("echo", () => {
  const spec = [{ name: "x", datatype: "BYTES", shape: [1] }] as const;
  backendConformance({
    module: echo,
    batched: {
      variant: variant({ parameters: { mode: "addsub" } }),
      inputs: [int32("x", [2, 2], [1, 2, 3, 4]), int32("y", [2, 2], [10, 20, 30, 40])],
      outputs: [
        int32("sum", [2, 2], [11, 22, 33, 44]),
        int32("difference", [2, 2], [-9, -18, -27, -36]),
      ],
    },
    unbatched: {
      variant: variant({ maxBatchSize: 0 }),
      inputs: [int32("x", [2], [1, 2]), int32("y", [2], [3, 4])],
      outputs: [int32("sum", [2], [1, 2]), int32("difference", [2], [3, 4])],
    },
    texts: {
      variant: variant({ inputs: spec, outputs: [{ ...spec[0], name: "out" }] }),
      inputs: [texts("x", ["muon", ""])],
      outputs: [texts("out", ["muon", ""])],
    },
    misfit: [int32("x", [2, 2], [1, 2, 3, 4])],
    unservable: variant({ parameters: { mode: "telepathy" } }),
  });
});

describe("an echo model that is told to be slow", () => {
  it("blocks the thread for the time per execution and per row", async () => {
    const parameters = { delay_ms: "20", delay_us_per_row: "10000" };
    const instance = await load(variant({ parameters }));
    const begin = performance.now();
    await instance.execute(
      {
        inputs: [int32("x", [2, 2], [1, 2, 3, 4]), int32("y", [2, 2], [1, 2, 3, 4])],
        outputs: ["sum"],
        members: [{ rows: 1 }, { rows: 1 }],
        reserve: () => undefined,
      },
      signal,
    );
    expect(performance.now() - begin).toBeGreaterThanOrEqual(39);
  });

  it("refuses a delay that is no number, by name", async () => {
    const refusal = load(variant({ parameters: { delay_ms: "soon" } }));
    await expect(refusal).rejects.toThrow('parameter delay_ms: "soon" is not a number');
  });
});

describe("an echo model in repeat mode", () => {
  it("gives each member its own rows as often as its first number says", async () => {
    const one = [{ name: "x", datatype: "INT32", shape: [2] }] as const;
    const instance = await load(
      variant({
        inputs: one,
        outputs: [{ ...one[0], name: "out" }],
        decoupled: true,
        parameters: { mode: "repeat" },
      }),
    );
    const got: [number, number[]][] = [];
    await instance.stream?.(
      {
        inputs: [int32("x", [3, 2], [2, 7, 0, 8, 1, 9])],
        outputs: ["out"],
        members: [{ rows: 1 }, { rows: 1 }, { rows: 1 }],
        reserve: () => undefined,
      },
      async (member, [output]) => {
        got.push([member, [...new Int32Array(Uint8Array.from(output?.data ?? []).buffer)]]);
      },
      signal,
    );
    expect(got).toEqual([
      [0, [2, 7]],
      [0, [2, 7]],
      [2, [1, 9]],
    ]);
  });
});
