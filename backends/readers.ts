/** Who reads which format for the registry, whether anything here runs it or not: one line each. */
import type { ArtifactReader } from "./contract.ts";

export const artifactReaders: readonly ArtifactReader[] = [
  {
    formats: ["onnx"],
    read: async (artifact) =>
      (await import("./common/onnxruntime/artifact.ts")).describeOnnx(artifact),
  },
  {
    formats: ["xclbin", "awsxclbin", "xmodel"],
    read: async (artifact) => (await import("./xilinx-u50/artifact.ts")).inspectXilinx(artifact),
  },
  {
    formats: ["aocx", "aocr", "gbs"],
    read: async (artifact) => (await import("./intel-fpga/artifact.ts")).inspectIntel(artifact),
  },
  {
    formats: ["cl"],
    read: async (artifact) => (await import("./intel-fpga/inspect.ts")).describeSource(artifact),
  },
];
