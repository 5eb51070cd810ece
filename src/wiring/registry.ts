/** The registry of a gateway, put together: its store, the way of artifacts into it, and what of it serves here. */
import { arch } from "node:process";
import type { BackendModule } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import type { RegistryRoom } from "../http/registry/room.ts";
import { unregistered } from "../http/registry/unregistered.ts";
import type { Service } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import { Catalog } from "../registry/catalog/catalog.ts";
import { ManagedRegistry } from "../registry/catalog/managed-registry.ts";
import { readVerdict } from "../registry/catalog/read-verdict.ts";
import type { Digest, Vendor } from "../registry/catalog/types.ts";
import { Gate } from "../registry/gate/gate.ts";
import { Registrar } from "../registry/registration/registrar.ts";
import { Trust } from "../registry/trust/trust.ts";
import type { Loader, ServedModel } from "../registry/types.ts";
import { VendorKeys } from "../registry/vendors/vendor-keys.ts";
import { vendorRules } from "../registry/vendors/vendor-rules.ts";
import type { Served } from "../scheduling/served.ts";
import { type FileStore, openFileStore } from "../store/files/file-store.ts";
import { artifactReaders } from "./backend-modules.ts";
import { gateExecutor } from "./gate-executor.ts";
import type { Inventory } from "./inventory.ts";
import type { RegistryServing } from "./published-models.ts";
import { registryUpkeep } from "./registry-upkeep.ts";
import { spotCheck } from "./spot-check.ts";
import { vendorFacts } from "./vendor-facts.ts";

export interface RegistrySettings {
  readonly folder?: string | undefined;
  readonly dropFolder?: string | undefined;
  readonly trustFile?: string | undefined;
  readonly requireSignature: readonly Vendor[];
  readonly maxArtifactBytes: number;
  readonly keepRetired: number;
  readonly goldenRows: number;
  readonly followMs: number;
}

/** What is there before anything is served. */
export interface RegistryStore {
  readonly store: FileStore;
  readonly catalog: Catalog;
  blobPath(digest: Digest): string;
  /** See `LoaderParts.afterLoad`. */
  readonly afterLoad: ReturnType<typeof spotCheck>;
}

/** @throws StatusError FAILED_PRECONDITION for a newer store, and a folder of something else */
export async function openRegistryStore(
  folder: string,
  clock: Clock,
  log: Logger,
): Promise<RegistryStore> {
  const store = await openFileStore(folder, { log });
  const catalog = new Catalog(store, { log });
  const blobPath = (digest: Digest) => store.blobs.path(digest);
  const find = (name: string) => catalog.get(name)?.model;
  return { store, catalog, blobPath, afterLoad: spotCheck({ find, blobPath, now: clock.now }) };
}

export interface RegistryParts {
  readonly settings: RegistrySettings;
  readonly opened: RegistryStore;
  readonly modules: readonly BackendModule[];
  readonly inventory: Pick<Inventory, "known">;
  served(): readonly ServedModel<unknown>[];
  readonly serving: RegistryServing;
  /** Loads for the gate: counts for nobody, and looks at no golden rows by itself. */
  readonly gateLoader: Loader<Served>;
  /** Whether the upkeep of a folder is this gateway's to do now. */
  upkeepIsMine(folder: string): Promise<boolean>;
  /** Of this program. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface GatewayRegistry {
  readonly registry: ManagedRegistry;
  readonly room: RegistryRoom;
  readonly service: Service;
}

export function createRegistry(parts: RegistryParts): GatewayRegistry {
  const { settings, opened, modules, inventory, served, serving, gateLoader } = parts;
  const { version, clock, log } = parts;
  const { store, catalog, blobPath } = opened;
  const date = () => new Date().toISOString();
  const rules = vendorRules(settings);
  const keys = new VendorKeys(store);
  const trust = new Trust(settings.trustFile);
  const gate = new Gate({
    modules,
    log,
    blobPath,
    blobs: store.blobs,
    executorOf: (definition, signal) =>
      gateExecutor({ loader: gateLoader, clock }, definition, signal),
    goldenRows: settings.goldenRows,
    software: `beamgate ${version}`,
    now: clock.now,
    date,
  });
  const registrar = new Registrar({
    blobs: store.blobs,
    catalog,
    checkers: {
      rules,
      readers: artifactReaders,
      modules,
      devices: () => inventory.known,
      trust,
      maxArtifactBytes: settings.maxArtifactBytes,
      workFolder: () => store.folder("work"),
    },
    gate,
    keys,
    publish: (name) => serving.follow([name]),
    log,
    now: Date.now,
    architecture: arch,
  });
  const registry = new ManagedRegistry({
    catalog,
    registrations: registrar,
    publication: serving,
    readVerdict: (digest) => readVerdict(store.blobs, digest),
    keepRetired: settings.keepRetired,
    date,
  });
  return {
    registry,
    room: {
      registry,
      uploads: store.blobs,
      maxArtifactBytes: settings.maxArtifactBytes,
      vendors: () => vendorFacts(rules, keys, trust),
      unregistered: () => unregistered(served(), catalog.snapshot()),
      log,
    },
    service: registryUpkeep({
      ...{ settings, store, catalog, registrar, serving, clock, log },
      isMine: parts.upkeepIsMine,
    }),
  };
}
