/** A process that registers is killed at random moments; what is found after each time. */
import { Random } from "../../../models/make/random.ts";
import { Catalog } from "../../../src/registry/catalog/catalog.ts";
import { allArtifacts } from "../../../src/registry/catalog/find.ts";
import { openFileStore } from "../../../src/store/files/file-store.ts";
import { expect } from "../cases.ts";
import { startScript } from "./lines-of.ts";
import { digestFor, modelNameOf } from "./registrations.ts";

export interface KilledReport {
  readonly registrations: number;
  readonly kills: number;
  /** Kills in the middle of a registration. */
  readonly interrupted: number;
  /** Of those, registrations that nobody had acknowledged and that are there as a whole. */
  readonly unacknowledged: number;
  /** Lines of the audit log that were completed from the records. */
  readonly completedLines: number;
}

/** @throws Error saying what was lost, or is half there */
export async function killedRegistrations(
  folder: string,
  registrations: number,
  seed: number,
): Promise<KilledReport> {
  const random = new Random(seed);
  const acknowledged = new Map<number, number>();
  let kills = 0;
  let interrupted = 0;
  let unacknowledged = 0;
  for (let next = 0; next < registrations; ) {
    const script = startScript(
      "register-loop",
      [folder, `${next}`, `${registrations}`],
      killLater(random, () => script.child.kill("SIGKILL")),
    );
    const status = await script.ended;
    expect(status === null || status === 0, `the script ended by itself: ${script.errors()}`);
    if (status === null) kills += 1;
    for (const line of script.lines) {
      const [word, n, generation] = line.split(" ");
      if (word === "ack") acknowledged.set(Number(n), Number(generation));
    }
    const begun = script.lines.filter((line) => line.startsWith("begin")).length;
    const ended = script.lines.filter((line) => line.startsWith("ack")).length;
    if (begun > ended) interrupted += 1;
    // What was begun last is registered again: idempotent by digest.
    next = acknowledged.size;
    unacknowledged += (await checkAll(folder, acknowledged)) - acknowledged.size;
  }
  const completedLines = await checkEnd(folder, acknowledged);
  return { registrations, kills, interrupted, unacknowledged, completedLines };
}

/**
 * Kills at any moment of one of the next registrations, however long these take on a busy machine.
 * @returns what hears the lines of the script
 */
function killLater(random: Random, kill: () => void): (line: string) => void {
  let before = random.integer(10);
  let tookMs = 10;
  let begunAt = 0;
  return (line) => {
    const now = performance.now();
    if (line.startsWith("ack")) tookMs = now - begunAt;
    if (!line.startsWith("begin")) return;
    begunAt = now;
    if (before === 0) setTimeout(kill, random.uniform(0, tookMs));
    before -= 1;
  };
}

/** @returns how many registrations are visible */
async function checkAll(folder: string, acknowledged: ReadonlyMap<number, number>) {
  const problems: string[] = [];
  const tell = (message: string) => void problems.push(message);
  const log = { debug() {}, info() {}, warn: tell, error: tell };
  const store = await openFileStore(folder, { log });
  const catalog = new Catalog(store, { log });
  expect(problems.length === 0, `at the start: ${problems.join("; ")}`);
  const { models, generation } = catalog.snapshot();
  const sum = models.reduce((total, model) => total + model.generation, 0);
  expect(generation === sum, `generation ${generation} is not ${sum}, the sum of the models'`);
  const seen = new Set<string>();
  for (const { model } of models) {
    for (const { version, digest, artifact } of allArtifacts(model)) {
      const what = `${model.name} version ${version}`;
      expect(model.name === modelNameOf(Number(version)), `${what} is in the wrong model`);
      expect(artifact.state === "ready", `${what} is ${artifact.state}`);
      expect(digest === digestFor(Number(version)), `${what} has another digest`);
      const found = await store.blobs.rehash(digest);
      expect(found === digest, `${what}: its bytes have digest ${String(found)}`);
      expect(!seen.has(digest), `${what}: its bytes are registered twice`);
      seen.add(digest);
    }
    for (const [alias, { version }] of Object.entries(model.aliases)) {
      expect(model.versions[version] !== undefined, `${model.name}: ${alias} points at nothing`);
    }
  }
  for (const n of acknowledged.keys()) {
    const model = catalog.get(modelNameOf(n))?.model;
    expect(model?.versions[`${n}`] !== undefined, `registration ${n} was acknowledged and is lost`);
  }
  await store.close();
  return seen.size;
}

/** @returns lines of the audit log that were missing */
async function checkEnd(folder: string, acknowledged: ReadonlyMap<number, number>) {
  // An hour later nothing is on its way any more.
  const now = () => Date.now() + 3_600_000;
  const store = await openFileStore(folder, { now, graceMs: 1000 });
  const catalog = new Catalog(store, { now });
  const completedLines = await catalog.completeAudit();
  const lines = await store.log.read(Number.MAX_SAFE_INTEGER);
  const told = new Set(lines.map((line) => JSON.stringify(line)));
  const { generation } = catalog.snapshot();
  expect(lines.length === generation, `${lines.length} lines tell of ${generation} changes`);
  expect(told.size === lines.length, "a line is there twice");
  await store.blobs.sweep(await catalog.referencedBlobs());
  for (const n of acknowledged.keys()) {
    expect(await store.blobs.has(digestFor(n)), `the sweep took the bytes of registration ${n}`);
  }
  return completedLines;
}
