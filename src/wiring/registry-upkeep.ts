/** What a registry does by itself: it follows other gateways, takes up what was interrupted, and gives room back. */
import type { Clock } from "../clock.ts";
import { StatusError, toStatusError } from "../errors.ts";
import type { Service } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import type { Catalog } from "../registry/catalog/catalog.ts";
import { DropFolder } from "../registry/registration/drop-folder.ts";
import type { Registrar } from "../registry/registration/registrar.ts";
import type { FileStore } from "../store/files/file-store.ts";
import type { RegistryServing } from "./published-models.ts";

export interface RegistryUpkeepParts {
  readonly settings: {
    readonly folder?: string | undefined;
    readonly dropFolder?: string | undefined;
    readonly maxArtifactBytes: number;
    readonly followMs: number;
  };
  readonly store: FileStore;
  readonly catalog: Catalog;
  readonly registrar: Registrar;
  readonly serving: Pick<RegistryServing, "follow">;
  /** Whether the upkeep of a folder is this gateway's to do now, of several. */
  isMine(folder: string): Promise<boolean>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Files that nothing names any more are looked for this often. */
const SWEEP_MS = 3_600_000;

export function registryUpkeep(parts: RegistryUpkeepParts): Service {
  const { settings, store, catalog, registrar, serving, clock, log } = parts;
  const closing = new AbortController();
  let stops: (() => void)[] = [];
  let resuming: Promise<unknown> = Promise.resolve();
  let sweeping: Promise<void> = Promise.resolve();
  let cancelSweep = () => {};
  const dropped = dropFolder(parts);
  const sweepLater = () => {
    cancelSweep = clock.after(SWEEP_MS, () => {
      sweeping = sweep(parts).then(() => {
        if (!closing.signal.aborted) sweepLater();
      });
    });
  };
  return {
    name: "registry",
    async start() {
      stops = [
        catalog.onChange((names) => void serving.follow(names)),
        catalog.follow(clock, settings.followMs),
        () => cancelSweep(),
      ];
      sweepLater();
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
      await Promise.all([resuming, sweeping]);
      await dropped?.close();
      await store.close();
    },
  };
}

function dropFolder(parts: RegistryUpkeepParts) {
  const { settings, store, registrar, isMine, clock, log } = parts;
  const { dropFolder: folder, maxArtifactBytes } = settings;
  if (folder === undefined) return undefined;
  const { blobs } = store;
  return new DropFolder({
    ...{ folder, registrar, blobs, maxArtifactBytes, clock, log },
    ...{ now: Date.now, mine: () => isMine(folder) },
  });
}

/** Never rejects. */
async function sweep(parts: RegistryUpkeepParts): Promise<void> {
  const { settings, store, catalog, isMine, log } = parts;
  try {
    if (settings.folder !== undefined && !(await isMine(settings.folder))) return;
    const removed = await store.blobs.sweep(await catalog.referencedBlobs());
    if (removed.length > 0) log.info(`${removed.length} files that no model names were removed`);
  } catch (thrown) {
    log.warn(toStatusError(thrown).message);
  }
}
