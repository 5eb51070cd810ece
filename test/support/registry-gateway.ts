/** A whole gateway in this process that serves a registry in memory, on free ports. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { createGateway, type RegisteredSource } from "../../src/gateway.ts";
import { createLog } from "../../src/telemetry/log.ts";
import type { RegistryServing } from "../../src/wiring/published-models.ts";
import { FakeCatalog } from "./fake-catalog.ts";

export interface RegistryGateway {
  readonly catalog: FakeCatalog;
  readonly serving: RegistryServing;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly metricsPort: number;
  stop(): Promise<void>;
}

/**
 * @param fill the catalog as it is at the start
 * @param roots model repositories beside it
 * @param afterLoad see `LoaderParts`
 * @param demote see `ShadowsParts`
 */
export async function startRegistryGateway(
  fill: (catalog: FakeCatalog) => void,
  roots: readonly string[] = [],
  afterLoad?: RegisteredSource["afterLoad"],
  demote?: RegisteredSource["demote"],
): Promise<RegistryGateway> {
  const empty = mkdtempSync(join(tmpdir(), "beamgate-empty-"));
  const catalog = new FakeCatalog();
  fill(catalog);
  const flags = new Map([
    ["model-repository", roots.length > 0 ? [...roots] : [empty]],
    ["grpc-port", ["0"]],
    ["http-port", ["0"]],
    ["metrics-port", ["0"]],
    ["exit-timeout-secs", ["5"]],
  ]);
  const { config } = loadConfig({ flags, env: {} });
  const log = createLog({ ...config.log, info: false, warning: false, error: false });
  const gateway = await createGateway(config, log, {
    catalog,
    blobPath: (digest) => catalog.blobPath(digest),
    ...(afterLoad && { afterLoad }),
    ...(demote && { demote }),
  });
  const { grpcPort = 0, httpPort = 0, metricsPort = 0 } = await gateway.start();
  const { registry } = gateway;
  if (registry === undefined) throw new Error("the gateway serves no registry");
  return {
    catalog,
    serving: registry,
    grpcPort,
    httpPort,
    metricsPort,
    async stop() {
      await gateway.stop();
      await log.flushed();
      catalog.remove();
      rmSync(empty, { recursive: true, force: true });
    },
  };
}
