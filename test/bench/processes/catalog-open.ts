/** A catalog: `catalog-open.js fill FOLDER MODELS` makes one of four artifacts a model, `open` says how long reading it takes. */
import { argv } from "node:process";
import { Catalog } from "../../../src/registry/catalog/catalog.ts";
import type { CatalogModel } from "../../../src/registry/catalog/types.ts";
import { openFileStore } from "../../../src/store/files/file-store.ts";
import { withArtifact } from "../../support/catalog-model.ts";
import { print } from "./print.ts";

const [, , what, folder = "", models = "0"] = argv;
const VENDORS = ["cpu", "arm", "intel", "xilinx"] as const;

const begin = performance.now();
const store = await openFileStore(folder);
const catalog = new Catalog(store);
if (what === "fill") {
  for (let number = 0; number < Number(models); number += 1) {
    const name = `model_${number}`;
    const model = VENDORS.reduce<CatalogModel | undefined>(
      (made, vendor) => withArtifact(made, "1", { vendor, state: "validated" }, name),
      undefined,
    );
    await catalog.change(name, undefined, "bench", { action: "register" }, () => model);
  }
}
const { models: found } = catalog.snapshot();
const artifacts = found.reduce((sum, { model }) => {
  return (
    sum +
    Object.values(model.versions).reduce((count, { artifacts }) => count + artifacts.length, 0)
  );
}, 0);
print({ artifacts, seconds: (performance.now() - begin) / 1000 });
await store.close();
