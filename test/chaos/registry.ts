/** The registry's store: processes killed while they register, and two that change the same models. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cases } from "../support/cases.ts";
import { killedRegistrations } from "../support/registry/killed-registrations.ts";
import { twoProcesses } from "../support/registry/two-processes.ts";

const REGISTRATIONS = 200;
const OPERATIONS = 10_000;

export async function registryStore(cases: Cases, short: boolean): Promise<void> {
  for (const seed of short ? [1] : [1, 2, 3]) {
    await cases.run(
      `SIGKILL at random moments of ${REGISTRATIONS} registrations (seed ${seed}): nothing is lost, nothing half there`,
      () =>
        inFolder(async (folder) => {
          const report = await killedRegistrations(folder, REGISTRATIONS, seed);
          return (
            `${report.kills} kills, ${report.interrupted} in the middle of a registration, of which ` +
            `${report.unacknowledged} were there as a whole; ${report.completedLines} lines of the audit log completed`
          );
        }),
    );
  }
  for (const models of short ? [4] : [1, 4, 32]) {
    await cases.run(
      `two processes, ${OPERATIONS} changes of ${models} shared models: linearizable by model`,
      () =>
        inFolder(async (folder) => {
          const { committed, lost, seconds } = await twoProcesses(folder, OPERATIONS, models);
          return `${committed} committed, ${lost} lost with the generation, in ${seconds.toFixed(1)} s`;
        }),
    );
  }
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-registry-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
