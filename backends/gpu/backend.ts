/** ONNX models on NVIDIA GPUs and MIG slices, by ONNX Runtime's CUDA or WebGPU provider. */

import { inspectOnnxOnly } from "../common/onnxruntime/artifact.ts";
import type { Backend, BackendHost, BackendModule } from "../contract.ts";

export const gpu: BackendModule = {
  kind: "gpu",
  platforms: ["gpu"],
  perDevice: true,
  formats: { onnx: "model.onnx" },
  inspect: inspectOnnxOnly,

  async create(options, host): Promise<Backend> {
    return createBackend(options, host);
  },
};

async function createBackend(given: unknown, host: BackendHost): Promise<Backend> {
  // Here and not above: the gateway and the workers of other backends import this file too.
  const [
    { endsWithItsContext },
    { executionProviders, explain, tieThisProcess },
    { readOptions },
    { discover },
    { readSensors },
  ] = await Promise.all([
    import("./broken-context.ts"),
    import("./provider.ts"),
    import("./options.ts"),
    import("./discover.ts"),
    import("./sensors.ts"),
  ]);
  const options = readOptions(given);
  const { provider } = options;
  return {
    kind: "gpu",
    devices: () => discover(options, host),
    sensors: () => readSensors(options),
    async load(variant, device, { threads = 1 }) {
      tieThisProcess(provider, device, await discover({ ...options, devices: undefined }, host));
      const { openSession, sessionSettings } = await import("../common/onnxruntime/session.ts");
      try {
        const session = await openSession(variant, device, {
          ...sessionSettings(threads),
          executionProviders: executionProviders(provider),
        });
        return endsWithItsContext(session, host);
      } catch (thrown) {
        throw explain(provider, thrown);
      }
    },
    async close() {},
  };
}
