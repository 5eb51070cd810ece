/** Models on the CPU of this machine, whatever its architecture, by ONNX Runtime. */

import { inspectOnnx } from "../common/onnxruntime/artifact.ts";
import { type Backend, BackendError, type BackendHost, type BackendModule } from "../contract.ts";
import { describeCpu } from "./device.ts";

export const armCpu: BackendModule = {
  kind: "arm-cpu",
  platforms: ["onnxruntime_onnx", "onnxruntime"],
  formats: { onnx: "model.onnx" },

  async inspect(artifact) {
    if (artifact.format === "onnx") return inspectOnnx(artifact.path);
    throw new BackendError("artifact", `format "${artifact.format}" is not onnx`);
  },

  async create(_options, host): Promise<Backend> {
    return createBackend(host);
  },
};

async function createBackend(host: BackendHost): Promise<Backend> {
  // Here and not above: the gateway imports this file too and must not load native code.
  const [{ openSession }, { pinThisProcess }] = await Promise.all([
    import("../common/onnxruntime/session.ts"),
    import("../common/linux/affinity.ts"),
  ]);
  const device = await describeCpu();
  return {
    kind: "arm-cpu",
    async devices() {
      return [device];
    },
    async load(variant, onto, { threads = 1, cores = [] }) {
      if (cores.length > 0) {
        pinThisProcess(cores);
        host.log("info", "worker pinned", { cores, model: variant.model });
      }
      return openSession(variant, onto, {
        executionProviders: ["cpu"],
        executionMode: "sequential",
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        // Neither was measurably faster; the arena keeps the memory of the largest batch for good
        // (+25 MB with a transformer at 64 rows), the other one remembers every batch size it met.
        enableCpuMemArena: false,
        enableMemPattern: false,
        // Errors come as exceptions; the log would repeat them for every bad request.
        logSeverityLevel: 4,
      });
    },
    async close() {},
  };
}
