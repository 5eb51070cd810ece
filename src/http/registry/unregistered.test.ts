import { describe, expect, it } from "vitest";
import { fakeArtifact, fakeModel } from "../../../test/support/fake-registry.ts";
import type { ModelDefinition } from "../../registry/types.ts";
import { unregistered } from "./unregistered.ts";

const onnx = { digest: "", path: "/m/1/model.onnx", format: "onnx", platform: "any" };
const xclbin = { digest: "sha256:ab", path: "/m/1/u50/net", format: "xclbin", platform: "u50" };

const definition = (told: Partial<ModelDefinition>) =>
  ({ definition: { version: "1", backendKind: "arm-cpu", artifact: onnx, ...told } }) as {
    readonly definition: ModelDefinition;
  };

describe("models that serve and were not registered", () => {
  it("are listed by variant, with what is known of them", () => {
    const variants = [
      { name: "arm-cpu", backendKind: "arm-cpu", artifact: onnx, numericClass: "float32" },
      {
        ...{ name: "u50", backendKind: "xilinx-u50", artifact: xclbin, numericClass: "fixed" },
        vendor: "xilinx",
      },
    ];
    const served = [definition({ name: "simple" }), definition({ name: "tagger", variants })];
    const rows = unregistered(served, { generation: 1, models: [] });
    expect(rows.map(({ name, variant, vendor }) => [name, variant, vendor])).toEqual([
      ["simple", "arm-cpu", "-"],
      ["tagger", "arm-cpu", "-"],
      ["tagger", "u50", "xilinx"],
    ]);
    expect(rows[0]).toMatchObject({ state: "served", format: "onnx" });
    expect(rows[0]).not.toHaveProperty("digest");
    expect(rows[2]).toMatchObject({ digest: "sha256:ab", numericClass: "fixed" });
  });

  it("are not those that were", () => {
    const models = [{ generation: 1, model: fakeModel("jets", [fakeArtifact()]) }];
    const served = [definition({ name: "jets" }), definition({ name: "jets", version: "2" })];
    const rows = unregistered(served, { generation: 1, models });
    expect(rows.map(({ name, version }) => `${name}:${version}`)).toEqual(["jets:2"]);
  });
});
