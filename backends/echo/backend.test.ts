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

describe("an echo model in repeat_elements mode", () => {
  const uint32 = (name: string, values: readonly number[]): Tensor => ({
    ...int32(name, [values.length], values),
    datatype: "UINT32",
  });
  const repeater = (over: Partial<ModelVariant> = {}) =>
    variant({
      inputs: [
        { name: "IN", datatype: "INT32", shape: [-1] },
        { name: "DELAY", datatype: "UINT32", shape: [-1] },
        { name: "WAIT", datatype: "UINT32", shape: [1] },
      ],
      outputs: [
        { name: "OUT", datatype: "INT32", shape: [1] },
        { name: "IDX", datatype: "UINT32", shape: [1] },
      ],
      maxBatchSize: 0,
      decoupled: true,
      parameters: { mode: "repeat_elements" },
      ...over,
    });
  const ask = async (
    inputs: readonly Tensor[],
    stop = new AbortController(),
    outputs = ["OUT", "IDX"],
    onValues = () => {},
  ) => {
    const instance = await load(repeater());
    const begin = performance.now();
    const got: { readonly at: number; readonly values: readonly number[] }[] = [];
    const emit = async (_: number, tensors: readonly Tensor[]) => {
      const values = tensors.map(({ data }) => Buffer.from(data).readInt32LE());
      got.push({ at: performance.now() - begin, values });
      onValues();
    };
    const execution = { inputs, outputs, members: [{ rows: 1 }], reserve: () => undefined };
    await instance.stream?.(execution, emit, stop.signal);
    return { got, values: got.map(({ values }) => values), tookMs: performance.now() - begin };
  };

  it("gives each element with its position, after its delay", async () => {
    const { got, values } = await ask([
      int32("IN", [3], [4, -2, 0]),
      uint32("DELAY", [0, 30, 0]),
      uint32("WAIT", [0]),
    ]);
    expect(values).toEqual([
      [4, 0],
      [-2, 1],
      [0, 2],
    ]);
    expect(got[1]?.at).toBeGreaterThanOrEqual(29);
  });

  it("ends no sooner than told, even with nothing to say", async () => {
    const nothing = [int32("IN", [0], []), uint32("DELAY", []), uint32("WAIT", [30])];
    const { values, tookMs } = await ask(nothing);
    expect(values).toEqual([]);
    expect(tookMs).toBeGreaterThanOrEqual(29);
  });

  it("gives only what was asked for", async () => {
    const inputs = [int32("IN", [1], [7]), uint32("DELAY", [0]), uint32("WAIT", [0])];
    expect((await ask(inputs, undefined, ["IDX"])).values).toEqual([[0]]);
  });

  it("stops in the middle of a delay when nobody waits any more", async () => {
    const stop = new AbortController();
    const inputs = [
      int32("IN", [2], [1, 2]),
      uint32("DELAY", [0, 600_000]),
      uint32("WAIT", [600_000]),
    ];
    const leave = () => void setTimeout(() => stop.abort(), 20);
    const { values } = await ask(inputs, stop, undefined, leave);
    // It would take ten minutes otherwise.
    expect(values).toEqual([[1, 0]]);
  });

  it("refuses more delays than elements", async () => {
    const inputs = [int32("IN", [1], [7]), uint32("DELAY", [0, 1]), uint32("WAIT", [0])];
    await expect(ask(inputs)).rejects.toThrow("got IN [1], DELAY [2], WAIT [1]");
  });

  it("is refused with other tensors, or without the decoupled policy", async () => {
    const inputs = [{ name: "IN", datatype: "FP32", shape: [-1] }] as const;
    await expect(load(repeater({ inputs }))).rejects.toThrow("needs inputs INT32,UINT32,UINT32");
    await expect(load(repeater({ decoupled: false }))).rejects.toThrow("decoupled: true");
  });
});
