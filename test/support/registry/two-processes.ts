/** Two processes change the same models; their histories are put together and checked. */
import { Catalog } from "../../../src/registry/catalog/catalog.ts";
import { openFileStore } from "../../../src/store/files/file-store.ts";
import { expect } from "../cases.ts";
import { checkLinearizable, type Operation } from "./linearizable.ts";
import { startScript } from "./lines-of.ts";

export interface TwoProcessesReport {
  readonly operations: number;
  readonly committed: number;
  readonly lost: number;
  readonly seconds: number;
}

/** @throws Error saying what contradicts what */
export async function twoProcesses(
  folder: string,
  operations: number,
  models: number,
): Promise<TwoProcessesReport> {
  const began = performance.now();
  const scripts = ["ada", "bob"].map((name, at) =>
    startScript("commit-loop", [folder, name, `${operations / 2}`, `${models}`, `${at + 1}`]),
  );
  for (const script of scripts) {
    expect((await script.ended) === 0, `the script failed: ${script.errors()}`);
  }
  const seconds = (performance.now() - began) / 1000;
  const all = scripts.flatMap(({ lines }) => lines.map((line) => JSON.parse(line) as Operation));
  expect(all.length === operations, `${all.length} of ${operations} operations were told`);
  const byModel = new Map<string, Operation[]>();
  for (const operation of all) {
    const history = byModel.get(operation.model);
    if (history === undefined) byModel.set(operation.model, [operation]);
    else history.push(operation);
  }
  for (const history of byModel.values()) checkLinearizable(history);
  await checkStore(folder, byModel);
  const committed = all.filter((operation) => operation.committed !== undefined).length;
  return { operations, committed, lost: operations - committed, seconds };
}

/** The store says the same as those who wrote to it. */
async function checkStore(folder: string, byModel: ReadonlyMap<string, readonly Operation[]>) {
  const store = await openFileStore(folder);
  const catalog = new Catalog(store);
  let commits = 0;
  for (const [name, history] of byModel) {
    const newest = Math.max(...history.map(({ committed }) => committed ?? 0));
    const last = history.find(({ committed }) => committed === newest);
    const found = catalog.get(name);
    expect(found?.generation === newest, `'${name}': ${found?.generation} is there, not ${newest}`);
    expect(
      Reflect.get(found.model, "lastChange") === last?.id,
      `'${name}' is not what ${last?.id} made of it`,
    );
    commits += newest;
  }
  expect(catalog.snapshot().generation === commits, "the catalog has another generation");
  const lines = await store.log.read(Number.MAX_SAFE_INTEGER);
  expect(lines.length === commits, `${lines.length} lines tell of ${commits} changes`);
}
