/**
 * `node commit-loop.js FOLDER NAME OPERATIONS MODELS SEED`: changes shared models, each from the generation that
 * this process has seen last, and prints a line of JSON (`Operation`) for each.
 */
import { writeSync } from "node:fs";
import { Random } from "../../../models/make/random.ts";
import { toStatusError } from "../../../src/errors.ts";
import { Catalog } from "../../../src/registry/catalog/catalog.ts";
import type { CatalogModel } from "../../../src/registry/catalog/types.ts";
import { openFileStore } from "../../../src/store/files/file-store.ts";
import type { Operation } from "./linearizable.ts";

const [folder = "", name = "", operations = "0", models = "1", seed = "1"] = process.argv.slice(2);
const random = new Random(Number(seed));
const store = await openFileStore(folder);
const catalog = new Catalog(store);
let lines = "";
for (let n = 0; n < Number(operations); n++) {
  const model = `shared-${random.integer(Number(models))}`;
  // Mostly from what was seen last: old views are what makes losers.
  if (random.chance(0.2)) await catalog.refresh();
  lines += `${JSON.stringify(await operate(model, `${name}-${n}`))}\n`;
}
await store.close();
for (let at = 0; at < lines.length; ) at += writeSync(1, lines.slice(at, at + 65_536));

async function operate(model: string, id: string): Promise<Operation> {
  const expected = catalog.get(model)?.generation ?? 0;
  const began = now();
  let previous = "";
  try {
    const { generation } = await catalog.change(
      model,
      expected,
      name,
      { action: "register", details: { id } },
      (before) => {
        previous = String(Reflect.get(before ?? {}, "lastChange") ?? "");
        const next: CatalogModel = before ?? {
          name: model,
          versions: {},
          aliases: {},
          aliasHistory: [],
        };
        return { ...next, lastChange: id } as CatalogModel;
      },
    );
    return { id, model, began, ended: now(), expected, committed: generation, previous };
  } catch (thrown) {
    const { code, message } = toStatusError(thrown);
    const [, there] = /generation (\d+) is there/.exec(message) ?? [];
    if (code !== "ABORTED" || there === undefined) throw thrown;
    return { id, model, began, ended: now(), expected, lostTo: Number(there) };
  }
}

/** ms of the clock that all processes of this machine share. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
