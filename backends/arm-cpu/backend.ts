/** Models on the CPU of this machine, whatever its architecture, by ONNX Runtime. */

import { inspectOnnxOnly } from "../common/onnxruntime/artifact.ts";
import type { Backend, BackendHost, BackendModule } from "../contract.ts";
import { describeCpu } from "./device.ts";

export const armCpu: BackendModule = {
  kind: "arm-cpu",
  platforms: ["onnxruntime_onnx", "onnxruntime"],
  formats: { onnx: "model.onnx" },

  inspect: inspectOnnxOnly,

  async create(_options, host): Promise<Backend> {
    return createBackend(host);
  },
};

async function createBackend(host: BackendHost): Promise<Backend> {
  const device = await describeCpu();
  return {
    kind: "arm-cpu",
    async devices() {
      return [device];
    },
    async sensors() {
      const { readCpuSensors } = await import("../common/sensors/cpu.ts");
      const found = await readCpuSensors();
      return found === undefined ? [] : [{ id: device.id, ...found }];
    },
    async load(variant, onto, { threads = 1, cores = [] }) {
      // Here and not above: the gateway imports this file too and must not load native code.
      const [{ openSession, sessionSettings }, { pinThisProcess }] = await Promise.all([
        import("../common/onnxruntime/session.ts"),
        import("../common/linux/affinity.ts"),
      ]);
      if (cores.length > 0) {
        pinThisProcess(cores);
        host.log("info", "worker pinned", { cores, model: variant.model });
      }
      return openSession(variant, onto, {
        ...sessionSettings(threads),
        executionProviders: ["cpu"],
      });
    },
    async close() {},
  };
}
