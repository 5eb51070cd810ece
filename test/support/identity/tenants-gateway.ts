/** A whole gateway in this process that asks who calls, on free ports, with one model: `simple`. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../../src/config/load.ts";
import { createGateway, type Gateway, type GatewayPorts } from "../../../src/gateway.ts";
import { packageRoot } from "../../../src/package-root.ts";
import { createLog } from "../../../src/telemetry/log.ts";

export interface TenantsGateway extends GatewayPorts {
  readonly gateway: Gateway;
  stop(): Promise<void>;
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "beamgate-identity-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** @param folder gets the configuration and the models. @param config lines of YAML beside the ports. */
export async function startTenantsGateway(folder: string, config: string): Promise<TenantsGateway> {
  const models = join(folder, "models");
  mkdirSync(models, { recursive: true });
  cpSync(join(packageRoot, "models", "simple"), join(models, "simple"), { recursive: true });
  const file = join(folder, "beamgate.yaml");
  writeFileSync(file, config);
  const flags = new Map([
    ["model-repository", [models]],
    ["grpc-port", ["0"]],
    ["http-port", ["0"]],
    ["metrics-port", ["0"]],
    ["tenants-file", [join(folder, "tenants.yaml")]],
    ["exit-timeout-secs", ["5"]],
  ]);
  const loaded = loadConfig({ flags, env: {}, file });
  const log = createLog({ ...loaded.config.log, info: false, warning: false, error: false });
  const gateway = await createGateway(loaded.config, log);
  const ports = await gateway.start();
  return {
    ...ports,
    gateway,
    async stop() {
      await gateway.stop();
      await log.flushed();
    },
  };
}
