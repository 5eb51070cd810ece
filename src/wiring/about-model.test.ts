import { expect, it } from "vitest";
import type { ModelDefinition } from "../registry/types.ts";
import { aboutModel } from "./about-model.ts";

const artifact = (format: string) => ({ digest: "", path: "", format, platform: "any" });
const alone = { backendKind: "arm-cpu", artifact: artifact("onnx") } as ModelDefinition;
const several: ModelDefinition = {
  ...alone,
  variants: [
    { name: "u50", backendKind: "xilinx-u50", artifact: artifact("xclbin"), numericClass: "1" },
    { name: "arm-cpu", backendKind: "arm-cpu", artifact: artifact("onnx"), numericClass: "2" },
  ],
};

it("is the model's own artifact where it is the only one", () => {
  const about = { "beamgate.backend": "arm-cpu", "beamgate.artifact": "onnx" };
  expect(aboutModel(() => alone, undefined)).toEqual(about);
});

it("is that of the variant which served the request", () => {
  expect(aboutModel(() => several, "u50")).toEqual({
    "beamgate.backend": "xilinx-u50",
    "beamgate.artifact": "xclbin",
    "beamgate.variant": "u50",
  });
  expect(aboutModel(() => several, "arm-cpu")).toMatchObject({ "beamgate.artifact": "onnx" });
});

it("is nothing where none of several served, or the model is gone", () => {
  expect(aboutModel(() => several, undefined)).toEqual({});
  const gone = () => {
    throw new Error("unknown model");
  };
  expect(aboutModel(gone, "u50")).toEqual({});
});
