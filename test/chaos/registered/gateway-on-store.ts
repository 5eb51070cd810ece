/** A gateway process on a registry's store. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type GatewayOptions,
  type GatewayProcess,
  startGateway,
} from "../../support/gateway-process.ts";
import { RegistryClient } from "./registry-client.ts";

export interface GatewayOnStore extends GatewayProcess {
  readonly registry: RegistryClient;
  /** SIGKILL, and the end of the process. */
  kill(): Promise<void>;
}

/** On one store. Where one of them was killed another may take its place. */
export type Pair = [GatewayOnStore, GatewayOnStore];

type StartOptions = Partial<Pick<GatewayOptions, "launcher" | "flags">>;

/** A folder with an empty repository, a configuration and, later, the store. */
export class StorePlace {
  readonly folder = mkdtempSync(join(tmpdir(), "beamgate-whole-"));
  /** Of the registry; made by the first gateway. */
  readonly store: string;
  readonly #config = join(this.folder, "gateway.json");
  readonly #repository = mkdtempSync(join(this.folder, "repository-"));

  /** @param store elsewhere, such as on a disk of its own */
  constructor(store?: string) {
    this.store = store ?? join(this.folder, "store");
    const registry = { folder: this.store, goldenRows: 16 };
    writeFileSync(this.#config, JSON.stringify({ registry }));
  }

  async start({ launcher = [], flags = [] }: StartOptions = {}): Promise<GatewayOnStore> {
    const gateway = await startGateway({
      repositories: [this.#repository],
      flags: ["--config", this.#config, ...flags],
      launcher,
    });
    return {
      ...gateway,
      log: () => gateway.log(),
      stop: () => gateway.stop(),
      registry: new RegistryClient(gateway.httpPort),
      async kill() {
        process.kill(gateway.pid, "SIGKILL");
        await gateway.exited;
      },
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
