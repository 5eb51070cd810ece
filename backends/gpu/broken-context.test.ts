import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { asBackendError } from "../common/onnxruntime/errors.ts";
import type { Execution, ModelInstance } from "../contract.ts";
import { endsWithItsContext } from "./broken-context.ts";

const nothing: Execution = {
  inputs: [],
  outputs: [],
  members: [{ rows: 1 }],
  reserve: () => undefined,
};
const { signal } = new AbortController();

async function endsAfter(...messages: readonly string[]): Promise<number> {
  const failing: ModelInstance = {
    device: { id: "gpu:GPU-1", vendor: "nvidia", platform: "cuda" },
    execute: async () => {
      throw asBackendError("internal", new Error(messages[runs++]));
    },
    unload: async () => {},
  };
  let runs = 0;
  let ends = 0;
  const instance = endsWithItsContext(failing, { log() {} }, () => {
    ends += 1;
  });
  for (const message of messages) {
    await expect(instance.execute(nothing, signal)).rejects.toThrow(message);
    expect(ends).toBe(0);
  }
  await sleep(250);
  return ends;
}

describe("a worker whose CUDA context breaks", () => {
  it("answers its batches, and ends once", async () => {
    const broken = "CUDA failure 700: an illegal memory access was encountered ; GPU=0";
    expect(await endsAfter(broken, broken)).toBe(1);
  });

  it.each([
    ["memory runs out", "CUDA failure 2: out of memory ; GPU=0"],
    ["a model fails", "Non-zero status code returned while running Gather node"],
  ])("goes on where only %s", async (_, message) => {
    expect(await endsAfter(message)).toBe(0);
  });
});
