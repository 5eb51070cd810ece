/** The devices of this host, without a gateway: each backend is asked in a worker of its own. */
import { join } from "node:path";
import { systemClock } from "../clock.ts";
import type { DeviceReport } from "../inference/device-report.ts";
import { silent } from "../logger.ts";
import { packageRoot } from "../package-root.ts";
import { createFleet } from "../workers/fleet.ts";
import type { BackendSource } from "../workers/words.ts";
import { probedBackends } from "./backend-modules.ts";
import { about } from "./devices.ts";

/** @param warn told of a backend whose devices can't be found out, and why */
export async function probeDevices(
  configured: readonly BackendSource[],
  warn: (text: string) => void,
): Promise<readonly DeviceReport[]> {
  const backends = await probedBackends(configured);
  const fleet = createFleet({
    hostEntry: join(packageRoot, "dist/src/workers/host.js"),
    backends,
    clock: systemClock,
    log: silent,
  });
  try {
    const reports = await Promise.all(
      backends.map(async ({ kind }): Promise<DeviceReport[]> => {
        try {
          const devices = await fleet.devices(kind);
          return devices.map((device) => ({
            ...about(device, kind),
            state: "present",
            model: null,
          }));
        } catch (cause) {
          warn(`backend ${kind}: ${cause instanceof Error ? cause.message : cause}`);
          return [];
        }
      }),
    );
    return reports.flat();
  } finally {
    await fleet.close();
  }
}
