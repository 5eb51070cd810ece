import { describe, expect, it } from "vitest";
import { FakeInstance } from "../../test/support/fake-instance.ts";
import { aSignature } from "../../test/support/requests.ts";
import type { ModelDefinition, VariantDefinition } from "../registry/types.ts";
import { loadInstance } from "./load-instances.ts";

const artifact = { digest: "sha256:a", path: "", format: "onnx", platform: "any" };
const definition = { signature: aSignature(), parameters: {} } as unknown as ModelDefinition;
const local: VariantDefinition = {
  name: "cpu",
  backendKind: "arm-cpu",
  artifact,
  numericClass: "float32",
};
const registered = { ...local, vendor: "cpu" };

/** @param look at the instance, as `afterLoad` */
function loading(variant: VariantDefinition, look: () => Promise<void>) {
  const instance = new FakeInstance("a");
  const fleet = { load: async () => instance } as unknown as Parameters<
    typeof loadInstance
  >[0]["fleet"];
  const parts = { fleet, threads: 1, afterLoad: look };
  const { signal } = new AbortController();
  return { instance, load: loadInstance(parts, definition, variant, "cpu:0", signal) };
}

describe("an instance that was loaded", () => {
  it("is handed out after it was looked at", async () => {
    const { instance, load } = loading(registered, async () => {});
    expect(await load).toBe(instance);
    expect(instance.closed).toBe(false);
  });

  it("is given back where it computes something else, and the load fails with the reason", async () => {
    const { instance, load } = loading(registered, () =>
      Promise.reject(new Error("row 3 differs")),
    );
    await expect(load).rejects.toThrow("row 3 differs");
    expect(instance.closed).toBe(true);
  });

  it("is not looked at where nothing was registered to compare it with", async () => {
    const { instance, load } = loading(local, () => Promise.reject(new Error("row 3 differs")));
    expect(await load).toBe(instance);
  });
});
