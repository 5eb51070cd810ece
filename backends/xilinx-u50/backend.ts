/** Alveo U50 cards through XRT's OpenCL, and emulated ones through the same library. */
import {
  type Artifact,
  type ArtifactFacts,
  type Backend,
  BackendError,
  type BackendHost,
  type BackendModule,
} from "../contract.ts";

export const KIND = "xilinx-u50";

export const xilinxU50: BackendModule = {
  kind: KIND,
  platforms: [KIND],
  perDevice: true,
  probeOptions: { emulated: { boards: 1 } },
  formats: { xclbin: "model.xclbin" },

  async inspect(artifact): Promise<ArtifactFacts> {
    requireXclbin(artifact);
    const { inspectXilinx } = await import("./artifact.ts");
    return inspectXilinx(artifact);
  },

  async create(options, host): Promise<Backend> {
    return createBackend(options, host);
  },
};

async function createBackend(options: unknown, host: BackendHost): Promise<Backend> {
  // Here and not above: every worker of any backend imports this file and pays for it in memory,
  // and the gateway imports it and must not load native code.
  const { readOptions } = await import("./options.ts");
  const { readSensors } = await import("./sensors.ts");
  const { emulated } = readOptions(options);
  const { Cards } = await import("./cards.ts");
  const cards = Cards.open(emulated, host);
  return {
    kind: KIND,
    devices: async () => cards.devices(),
    sensors: () => readSensors(cards.devices()),
    async load(variant, device) {
      requireXclbin(variant.artifact);
      return cards.load(variant, device);
    },
    close: async () => cards.close(),
  };
}

function requireXclbin({ format }: Artifact): void {
  if (format === "xclbin") return;
  throw new BackendError("artifact", `format "${format}" is not xclbin`);
}
