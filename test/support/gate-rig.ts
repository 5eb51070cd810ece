/** The gate over real workers and emulated boards, on artifacts that lie in a store of its own. */
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BackendModule, Device } from "../../backends/contract.ts";
import { systemClock } from "../../src/clock.ts";
import { silent } from "../../src/logger.ts";
import { packageRoot } from "../../src/package-root.ts";
import { BoardTime } from "../../src/policy/placement/board-time.ts";
import { placement } from "../../src/policy/placement/placement.ts";
import { Boards } from "../../src/pool/boards.ts";
import { Gate } from "../../src/registry/gate/gate.ts";
import { openFileStore } from "../../src/store/files/file-store.ts";
import type { Store } from "../../src/store/store.ts";
import { backendModules } from "../../src/wiring/backend-modules.ts";
import { gateExecutor, uncounted } from "../../src/wiring/gate-executor.ts";
import { Inventory } from "../../src/wiring/inventory.ts";
import { modelLoader } from "../../src/wiring/load-model.ts";
import { StepLine } from "../../src/wiring/step-line.ts";
import { createFleet } from "../../src/workers/fleet.ts";
import type { BackendSource } from "../../src/workers/words.ts";

export interface GateRig {
  readonly gate: Gate;
  readonly store: Store;
  readonly modules: readonly BackendModule[];
  readonly devices: readonly Device[];
  /** Keeps a file. @returns its digest */
  put(path: string): Promise<string>;
  path(digest: string): string;
  /** Kinds of the backends whose devices are here. */
  readonly kinds: ReadonlySet<string>;
  close(): Promise<void>;
}

const NOTHING = () => {
  throw new Error("there are no ensembles here");
};

export async function gateRig(
  backends: readonly BackendSource[],
  goldenRows = 600,
): Promise<GateRig> {
  const clock = systemClock;
  const log = silent;
  const folder = await mkdtemp(join(tmpdir(), "beamgate-gate-rig-"));
  const store = await openFileStore(join(folder, "store"));
  const modules = await backendModules(backends);
  const fleet = createFleet({
    hostEntry: join(packageRoot, "dist/src/workers/host.js"),
    backends,
    maxCpuWorkers: 2,
    executionTimeoutMs: 60_000,
    heartbeatMs: 1_000,
    slabFolder: "/dev/shm",
    clock,
    log,
  });
  const breaker = { errorPercent: 50, leastExecutions: 2, windowMs: 10_000, probeAfterMs: 2_000 };
  const boards: Boards = new Boards({
    placement: placement({ assumedSwitchMs: 1_500, minDwellMs: 0, agedMs: 30_000 }),
    boardTime: new BoardTime(),
    breaker,
    clock,
    log,
  });
  const inventory = new Inventory(fleet, clock, (kind, found) => boards.add(found, kind));
  const kinds = new Set<string>();
  const devices: Device[] = [];
  for (const { kind } of backends) {
    const own = await inventory.devicesOf(kind).catch(() => []);
    devices.push(...own);
    if (own.length > 0) kinds.add(kind);
  }
  const loader = modelLoader({
    fleet,
    boards,
    breaker,
    routing: { policy: "expected-delay" },
    perDevice: (kind) => modules.find((module) => module.kind === kind)?.perDevice === true,
    devicesOf: (kind) => inventory.devicesOf(kind),
    failedOver() {},
    steps: new StepLine(NOTHING, () => undefined, NOTHING),
    account: uncounted,
    closing: () => false,
    loaded() {},
    clock,
    log,
    threads: 1,
    patienceMs: 30_000,
  });
  const gate = new Gate({
    modules,
    log,
    blobPath: (digest) => store.blobs.path(digest),
    blobs: store.blobs,
    executorOf: (definition, signal) => gateExecutor({ loader, clock }, definition, signal),
    goldenRows,
    software: "beamgate test",
    now: clock.now,
    date: () => new Date().toISOString(),
  });
  return {
    gate,
    store,
    modules,
    devices,
    kinds,
    path: (digest) => store.blobs.path(digest),
    async put(path) {
      const source = createReadStream(path);
      return (await store.blobs.put(source, { maxBytes: 2 ** 30 })).digest;
    },
    async close() {
      await boards.close();
      await fleet.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
