/** Intel's FPGA boards by their OpenCL runtime; PoCL stands in for one where there is no board. */
import type { BackendModule } from "../contract.ts";

export const intelFpga: BackendModule = {
  kind: "intel-fpga",
  platforms: ["intel-fpga", "intel_fpga"],
  perDevice: true,
  probeOptions: { emulated: { boards: 1 } },
  formats: { aocx: "model.aocx", aocr: "model.aocr", cl: "model.cl" },

  async inspect(artifact) {
    // Here and not above: every worker of any backend imports this file and pays for it in memory.
    const { inspectArtifact } = await import("./inspect.ts");
    return inspectArtifact(artifact);
  },

  async create(options, host) {
    const { readOptions } = await import("./options.ts");
    const given = readOptions(options);
    // Here and not above: the gateway imports this file too and must not load native code.
    const { createBoards } = await import("./boards.ts");
    return createBoards(given, host);
  },
};
