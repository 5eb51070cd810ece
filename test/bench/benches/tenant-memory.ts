/** What a tenant takes that does nothing: memory of a gateway with many of them, less that of one with a single one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startGateway } from "../../support/gateway.ts";
import { residentBytes } from "../../support/process-usage.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import type { Setting } from "../setting.ts";

const TENANTS = 10_000;
const STARTS = 3;
/** The heap has settled after the start, ms. */
const SETTLE_MS = 3_000;

export async function tenantMemory({ repository }: Setting): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-tenant-memory-"));
  const resident = async (count: number) => {
    const file = join(folder, `${count}.json`);
    writeFileSync(file, JSON.stringify(tenantsFile(count)));
    const gateway = await startGateway({ repository, flags: ["--tenants-file", file] });
    try {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      return residentBytes(gateway.pid);
    } finally {
      await gateway.stop();
    }
  };
  try {
    const [few, many]: [number[], number[]] = [[], []];
    for (let at = 0; at < STARTS; at += 1) {
      few.push(await resident(1));
      many.push(await resident(TENANTS));
    }
    return {
      name: "tenant-memory",
      measures: `bytes of an idle tenant with a rule of its own, of ${TENANTS}`,
      value: Math.max(0, median(many) - median(few)) / (TENANTS - 1),
      goal: { kind: "at most", value: 5_000 },
      figures: { "RSS with one, MB": median(few) / 1e6, "RSS with all, MB": median(many) / 1e6 },
      errors: {},
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tenantsFile(count: number): object {
  const names = Array.from({ length: count }, (_, at) => `experiment-${at}`);
  return {
    tenants: Object.fromEntries(names.map((name, at) => [name, { weight: 1 + (at % 7) }])),
    identities: names.map((tenant) => ({
      ...{ certificate: `/DC=org/O=${tenant}/CN=*`, tenant, roles: ["infer"] },
    })),
  };
}
