import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Device } from "../../backends/contract.ts";
import type { Parameters } from "../inference/request.ts";
import { KnownDigests } from "../registry/known-digests.ts";
import type { Instance } from "../workers/types.ts";
import { originOf } from "./origin.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "origin-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function on(device: Partial<Device>): Instance {
  const all = { id: "cpu", vendor: "cpu", platform: "any", ...device };
  return { report: { device: all } } as unknown as Instance;
}

function variantAt(path: string) {
  const artifact = { digest: "", path, format: "onnx", platform: "any" };
  return { name: "onnx", backendKind: "onnx", artifact, numericClass: "float32" };
}

/** Digests, and when all that were asked for are there. */
function hashing() {
  const known = new KnownDigests();
  const asked: Promise<unknown>[] = [];
  return {
    digestOf(path: string) {
      const digest = known.of(path);
      asked.push(digest);
      return digest;
    },
    settled: () => Promise.allSettled(asked),
  };
}

const jets = { name: "jets", version: "1" };
const plain = (parameters: Parameters) =>
  Object.fromEntries([...parameters].map(([key, { value }]) => [key, value]));

describe("what answers tell of where they come from", () => {
  it("is complete once the artifact has been hashed, and one object while nothing changes", async () => {
    const path = join(folder, "model.onnx");
    writeFileSync(path, "weights");
    const { digestOf, settled } = hashing();
    let generation = 4;
    const origin = originOf({ digestOf, generationOf: () => generation })(jets, variantAt(path));
    const instance = on({});
    const before = origin(instance);
    expect(before.has("beamgate_artifact")).toBe(false);
    await settled();
    const after = origin(instance);
    expect(plain(after)).toEqual({
      beamgate_variant: "onnx",
      beamgate_class: "float32",
      beamgate_vendor: "cpu",
      beamgate_device: "cpu",
      beamgate_emulated: false,
      beamgate_artifact: `sha256:${createHash("sha256").update("weights").digest("hex")}`,
      beamgate_generation: 4,
    });
    expect(origin(instance)).toBe(after);
    expect(origin(on({}))).toBe(after);
    generation = 5;
    expect(origin(instance).get("beamgate_generation")?.value).toBe(5);
  });

  it("names the device of the instance that answered, and who stood in for silicon", () => {
    const variant = variantAt(folder);
    const manifest = { vendor: "xilinx" } as never;
    const artifact = { ...variant.artifact, digest: "sha256:00", manifest };
    const { digestOf } = hashing();
    const origin = originOf({ digestOf })(jets, { ...variant, name: "u50", artifact });
    const told = plain(origin(on({ id: "u50-1", vendor: "amd", emulated: true })));
    expect(told).toMatchObject({
      beamgate_device: "u50-1",
      beamgate_vendor: "xilinx",
      beamgate_emulated: true,
      beamgate_artifact: "sha256:00",
    });
    expect(plain(origin(on({ id: "u50-2", vendor: "amd" })))["beamgate_device"]).toBe("u50-2");
  });

  it("leaves out the artifact of a model that has no file", async () => {
    const { digestOf, settled } = hashing();
    const origin = originOf({ digestOf })(jets, variantAt(folder));
    const missing = originOf({ digestOf })(jets, variantAt(join(folder, "gone")));
    await settled();
    expect(origin(on({})).has("beamgate_artifact")).toBe(false);
    expect(missing(on({})).has("beamgate_artifact")).toBe(false);
  });
});
