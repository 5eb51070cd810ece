/** A gateway that starts on a store in which another died in the middle of a registration. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { createGateway, type Gateway } from "../../src/gateway.ts";
import { Catalog } from "../../src/registry/catalog/catalog.ts";
import type { CatalogVersion, Registration } from "../../src/registry/catalog/types.ts";
import { openFileStore } from "../../src/store/files/file-store.ts";
import { newOwner } from "../../src/store/files/owner.ts";
import { createLog, type Log } from "../../src/telemetry/log.ts";
import { ADDING_CONFIG, addingGraph, anArtifact } from "../support/fake-catalog.ts";

const LIMIT_MS = 180_000;
const MODEL = "taker";

let folder: string;
let gateway: Gateway;
let httpPort = 0;
let log: Log;

const logFile = () => join(folder, "log");

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-resumed-"));
  const store = join(folder, "store");
  await leaveInterrupted(store);
  const flags = new Map([
    ["model-repository", [mkdtempSync(join(folder, "repository-"))]],
    ["grpc-port", ["0"]],
    ["http-port", ["0"]],
    ["metrics-port", ["0"]],
  ]);
  const { config } = loadConfig({ flags, env: { BEAMGATE_REGISTRY_FOLDER: store } });
  log = createLog({ ...config.log, file: logFile() });
  gateway = await createGateway(config, log);
  ({ httpPort = 0 } = await gateway.start());
}, LIMIT_MS);

afterAll(async () => {
  await gateway.stop();
  await log.flushed();
  rmSync(folder, { recursive: true, force: true });
});

/** Version 1 is ready; of version 2 the bytes are there, and whoever registers it is dead. */
async function leaveInterrupted(path: string): Promise<void> {
  const store = await openFileStore(path);
  const put = async (added: number) => {
    const bytes = addingGraph(added);
    const source = async function* () {
      yield bytes;
    };
    return (await store.blobs.put(source(), { maxBytes: bytes.length })).digest;
  };
  const version = (name: string, artifact: CatalogVersion["artifacts"][number]) => ({
    [name]: {
      version: name,
      config: ADDING_CONFIG,
      equivalence: { class: { kind: "bit-exact" } },
      artifacts: [artifact],
    } as const,
  });
  const [ready, left] = [await put(1), await put(2)];
  const registration: Registration = {
    ...{ name: MODEL, version: "2", vendor: "cpu", artifact: left, file: "model.onnx" },
    equivalence: { class: { kind: "bit-exact" } },
  };
  const owner = { ...newOwner(), started: "never" };
  const underway = { owner, since: "2026-01-01T00:00:00Z", registration };
  await new Catalog(store).change(MODEL, undefined, "story", { action: "register" }, () => ({
    name: MODEL,
    versions: {
      ...version("1", anArtifact({ digest: ready })),
      ...version("2", anArtifact({ digest: left, state: "validated", underway })),
    },
    aliases: { production: { version: "1" } },
    aliasHistory: [],
  }));
  await store.close();
}

it("serves what is registered first, and then goes on with what was interrupted", {
  timeout: LIMIT_MS,
}, async () => {
  const registry = `http://127.0.0.1:${httpPort}/v2/beamgate/registry`;
  await expect
    .poll(
      async () => {
        const list = (await (await fetch(registry)).json()) as { artifacts: { state: string }[] };
        return list.artifacts.map(({ state }) => state);
      },
      { timeout: LIMIT_MS, interval: 50 },
    )
    .toEqual(["ready", "ready"]);
  await log.flushed();
  const lines = readFileSync(logFile(), "utf8").split("\n");
  const line = (part: string) => lines.findIndex((each) => each.includes(part));
  expect(line(`successfully loaded '${MODEL}' version 1`)).toBeGreaterThan(-1);
  expect(line("version 2, for cpu, which was interrupted, goes on")).toBeGreaterThan(
    line(`successfully loaded '${MODEL}' version 1`),
  );
});
