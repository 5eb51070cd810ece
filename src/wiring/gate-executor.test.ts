import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { StatusError } from "../errors.ts";
import { UNBATCHED } from "../inference/queue-rules.ts";
import type { InferCall, InferRequest, ModelSignature } from "../inference/request.ts";
import type { ModelDefinition } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";
import { gateExecutor } from "./gate-executor.ts";

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
    const [y] = await executor.execute([X], signal);
    expect([...(y?.data ?? [])]).toEqual([3, 4]);
    expect(executor.device).toEqual({ id: "b0", vendor: "v", platform: "tb1", emulated: false });
  });

  it("that no device was free for says so, and what to do", async () => {
    const executor = await executorOf(0, (_, call) => {
      call.fail(new StatusError("UNAVAILABLE", "no instance became ready in time"));
    });
    await expect(executor.execute([X], signal)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/^no device of platform tb1 became free .* verify again$/),
    });
  });

  it("that fails on its device fails as it does there", async () => {
    const broken = new StatusError("INTERNAL", "it is broken");
    const executor = await executorOf(1, (_, call) => call.fail(broken));
    await expect(executor.execute([X], signal)).rejects.toBe(broken);
  });
});
