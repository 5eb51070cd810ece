/** The registry of a gateway: its store, the way of artifacts into it, and what of it serves here. */
import { readFile } from "node:fs/promises";
import { arch } from "node:process";
import type { BackendModule } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import { StatusError, toStatusError } from "../errors.ts";
import type { RegistryRoom } from "../http/registry/room.ts";
import { unregistered } from "../http/registry/unregistered.ts";
import type { Service } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import { Catalog } from "../registry/catalog/catalog.ts";
import { ManagedRegistry } from "../registry/catalog/managed-registry.ts";
import type { Digest, SignedVerdict, Vendor } from "../registry/catalog/types.ts";
import { Gate } from "../registry/gate/gate.ts";
import { DropFolder } from "../registry/registration/drop-folder.ts";
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
  /** Of this program. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Files that nothing names any more are looked for this often. */
const SWEEP_MS = 3_600_000;
const MOST_VERDICT_BYTES = 64 * 2 ** 20;

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
    readVerdict: (digest) => readVerdict(store, digest),
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
    service: service(parts, registrar),
  };
}

/** Follows other gateways, takes up what was interrupted, and gives room back. */
function service({ settings, opened, serving, clock, log }: RegistryParts, registrar: Registrar) {
  const { store, catalog } = opened;
  const closing = new AbortController();
  let stops: (() => void)[] = [];
  let resuming: Promise<unknown> = Promise.resolve();
  const { dropFolder: folder, maxArtifactBytes } = settings;
  const dropped =
    folder === undefined
      ? undefined
      : new DropFolder({
          ...{ folder, registrar, blobs: store.blobs, maxArtifactBytes, clock, log },
          now: Date.now,
        });
  const sweepLater = (): (() => void) => {
    let cancel = clock.after(SWEEP_MS, () => {
      void sweep().finally(() => {
        if (!closing.signal.aborted) cancel = sweepLater();
      });
    });
    return () => cancel();
  };
  const sweep = async () => {
    try {
      const removed = await store.blobs.sweep(await catalog.referencedBlobs());
      if (removed.length > 0) log.info(`${removed.length} files that no model names were removed`);
    } catch (thrown) {
      log.warn(toStatusError(thrown).message);
    }
  };
  return {
    name: "registry",
    async start() {
      stops = [
        catalog.onChange((names) => void serving.follow(names)),
        catalog.follow(clock, settings.followMs),
        sweepLater(),
      ];
      // What serves already goes first: a gate that runs needs workers, too.
      resuming = registrar
        .resume(closing.signal)
        .catch((thrown: unknown) => log.error(toStatusError(thrown).message))
        .then(() => {
          if (!closing.signal.aborted) dropped?.start();
        });
    },
    async stop() {
      closing.abort(new StatusError("UNAVAILABLE", "the gateway stops"));
      for (const stop of stops) stop();
      await resuming;
      await dropped?.close();
      await store.close();
    },
  };
}

/** @throws StatusError NOT_FOUND */
async function readVerdict(store: FileStore, digest: Digest): Promise<SignedVerdict> {
  const sizeBytes = await store.blobs.size(digest);
  if (sizeBytes === undefined || sizeBytes > MOST_VERDICT_BYTES) {
    throw new StatusError("NOT_FOUND", `there is no verdict ${digest}`);
  }
  const read = parsed(await readFile(store.blobs.path(digest), "utf8"));
  if (read?.verdict?.verdict === 1) return read as SignedVerdict;
  throw new StatusError("NOT_FOUND", `${digest} is a file of the registry, but no verdict`);
}

function parsed(text: string): Partial<SignedVerdict> | undefined {
  try {
    return JSON.parse(text) as Partial<SignedVerdict>;
  } catch {
    return undefined;
  }
}
