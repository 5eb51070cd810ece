/** Fleets with real worker processes and a folder of their own, of which nothing is to stay. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ModelVariant } from "../../backends/contract.ts";
import { systemClock } from "../../src/clock.ts";
import { silent } from "../../src/logger.ts";
import { packageRoot } from "../../src/package-root.ts";
import { createFleet, type FleetOptions } from "../../src/workers/fleet.ts";
import { chooseSlabFolder } from "../../src/workers/slab.ts";
import type { Fleet, Instance } from "../../src/workers/types.ts";

export const hostEntry = join(packageRoot, "dist/src/workers/host.js");

export class FleetRig {
  /** Of the slabs, and for what a test wants to keep. */
  readonly folder = mkdtempSync(join(chooseSlabFolder("/dev/shm"), "beamgate-test-"));
  readonly #fleets: Fleet[] = [];

  newFleet(options: Partial<FleetOptions> = {}): Fleet {
    const fleet = createFleet({
      hostEntry,
      clock: systemClock,
      log: silent,
      slabFolder: this.folder,
      heartbeatMs: 50,
      ...options,
    });
    this.#fleets.push(fleet);
    return fleet;
  }

  /** @returns what the fleets left in the folder */
  async close(): Promise<string[]> {
    await Promise.all(this.#fleets.map((fleet) => fleet.close()));
    const left = readdirSync(this.folder).filter((name) => name.startsWith("beamgate-"));
    rmSync(this.folder, { recursive: true, force: true });
    return left;
  }
}

export function echoVariant(parameters: Record<string, string> = {}, name = "echo"): ModelVariant {
  return {
    model: name,
    version: "1",
    inputs: [{ name: "x", datatype: "FP32", shape: [-1] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
    maxBatchSize: 64,
    artifact: { digest: "", path: "", format: "echo", platform: "any" },
    parameters,
  };
}

export function load(
  fleet: Fleet,
  variant: ModelVariant,
  backendKind = "echo",
  signal = new AbortController().signal,
): Promise<Instance> {
  return fleet.load({ backendKind, variant, options: {}, device: "cpu" }, signal);
}

/** Runs one row and gives the room back; outputs are copied out of it before. */
export async function run(instance: Instance, values: readonly number[]): Promise<number[]> {
  const byteLength = 4 * values.length;
  const room = instance.room(byteLength);
  if (room === undefined) throw new Error("no room");
  try {
    room.bytes.set(new Uint8Array(Float32Array.from(values).buffer));
    const result = await instance.run({
      room,
      inputs: [{ index: 0, shape: [1, values.length], offset: 0, byteLength }],
      outputOffset: byteLength,
      outputs: [0],
      memberRows: [1],
    });
    const data = Uint8Array.from(result.outputs[0]?.data ?? []);
    return [...new Float32Array(data.buffer)];
  } finally {
    room.release();
  }
}
