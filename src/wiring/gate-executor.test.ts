import { describe, expect, it } from "vitest";
import { FakeInstance } from "../../test/support/fake-instance.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { StatusError } from "../errors.ts";
import { UNBATCHED } from "../inference/queue-rules.ts";
import type { InferCall, InferRequest, ModelSignature } from "../inference/request.ts";
import { silent } from "../logger.ts";
import { Pool } from "../pool/pool.ts";
import type { ModelDefinition } from "../registry/types.ts";
import { Scheduler } from "../scheduling/scheduler.ts";
import type { Served } from "../scheduling/served.ts";
import { gateExecutor, uncounted } from "./gate-executor.ts";

const signature: ModelSignature = {
  ...{ name: "m", version: "1", maxBatchSize: 8, decoupled: false, reproducible: false },
  inputs: [{ name: "x", datatype: "UINT8", shape: [1] }],
  outputs: [{ name: "y", datatype: "UINT8", shape: [1] }],
};
const definition: ModelDefinition = {
  ...{ name: "m", version: "1", config: {}, signature, rules: UNBATCHED, backendKind: "board" },
  artifact: { digest: "", path: "", format: "board", platform: "tb1" },
  ...{ instances: 1, threads: undefined, parameters: {} },
};
const { signal } = new AbortController();
const X = { name: "x", datatype: "UINT8", shape: [2, 1], data: Uint8Array.of(1, 2) } as const;

/** A model that is loaded on so many devices. */
async function executorOf(
  devices: number,
  submit: (request: InferRequest, call: InferCall) => void,
) {
  const report = { batchInvariant: true, device: { id: "b0", vendor: "v", platform: "tb1" } };
  const served: Served = {
    ...{ signature, submit, inFlight: 0, trouble: undefined },
    ...{ drain: async () => {}, close: async () => {} },
    instances: Array(devices).fill({ report }),
  };
  const loader = { load: async () => served, unload: async () => {}, trouble: () => undefined };
  return gateExecutor({ loader, clock: new VirtualClock() }, definition, signal);
}

describe("an execution of the gate", () => {
  it("is answered with copies, and tells where it was", async () => {
    const data = Uint8Array.of(3, 4);
    const outputs = [{ name: "y", datatype: "UINT8", shape: [2, 1], data }] as const;
    const executor = await executorOf(1, (_, call) => {
      call.respond({ model: "m", version: "1", id: "", outputs }, true);
      data.fill(0);
    });
    const [[y] = []] = await executor.execute([[X]], signal);
    expect([...(y?.data ?? [])]).toEqual([3, 4]);
    expect(executor.device).toEqual({ id: "b0", vendor: "v", platform: "tb1", emulated: false });
  });

  it("that no device was free for says so, and what to do", async () => {
    const executor = await executorOf(0, (_, call) => {
      call.fail(new StatusError("UNAVAILABLE", "no instance became ready in time"));
    });
    await expect(executor.execute([[X]], signal)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/^no device of platform tb1 became free .* verify again$/),
    });
  });

  it("that fails on its device fails as it does there", async () => {
    const broken = new StatusError("INTERNAL", "it is broken");
    const executor = await executorOf(1, (_, call) => call.fail(broken));
    await expect(executor.execute([[X]], signal)).rejects.toBe(broken);
  });
});

describe("requests of one row each", () => {
  /** A model with rows end to end, on a device that gives back what it gets. */
  async function onDevice(shapeTensor: boolean) {
    const instance = new FakeInstance("a");
    const clock = new VirtualClock();
    const inputs = [
      { name: "x", datatype: "UINT8", shape: [1], ragged: true },
      ...(shapeTensor
        ? [{ name: "s", datatype: "UINT8", shape: [1], shapeTensor: true } as const]
        : []),
    ] as const;
    const apart = { ...definition, signature: { ...signature, inputs } };
    const loader = {
      load: async ({ signature, rules }: ModelDefinition) =>
        new Scheduler({
          ...{ signature, rules, clock, log: silent, account: uncounted, patienceMs: 1000 },
          pool: new Pool([instance], clock.now),
        }),
      unload: async () => {},
      trouble: () => undefined,
    };
    return { instance, clock, executor: await gateExecutor({ loader, clock }, apart, signal) };
  }
  const x = (value: number) => ({ ...X, shape: [1, 1], data: Uint8Array.of(value) });

  it("share one batch, though the curve of costs says nothing yet", async () => {
    const { instance, clock, executor } = await onDevice(false);
    const executing = executor.execute([[x(1)], [x(2)], [x(3)]], signal);
    executing.catch(() => undefined);
    await clock.advance(0);
    expect(instance.runs.map(({ run }) => run.memberRows)).toEqual([[1, 1, 1]]);
  });

  it("run one after the other where a shape tensor is another", async () => {
    const { instance, clock, executor } = await onDevice(true);
    const s = (value: number) => ({ ...X, name: "s", shape: [1], data: Uint8Array.of(value) });
    const executing = executor.execute(
      [x(1), x(2), x(3)].map((row, at) => [row, s(at >> 1)]),
      signal,
    );
    executing.catch(() => undefined);
    await clock.advance(0);
    expect(instance.runs.map(({ run }) => run.memberRows)).toEqual([[1, 1]]);
  });

  it("end with the one that fails, and nothing of them is left", async () => {
    const { instance, clock, executor } = await onDevice(true);
    const s = (value: number) => ({ ...X, name: "s", shape: [1], data: Uint8Array.of(value) });
    const executing = executor.execute(
      [
        [x(1), s(1)],
        [x(2), s(2)],
      ],
      signal,
    );
    const failed = expect(executing).rejects.toThrow("it is broken");
    await clock.advance(0);
    instance.runs[0]?.fail(new Error("it is broken"));
    await clock.advance(0);
    await failed;
    expect(instance.runs).toEqual([]);
  });
});
