/** A store that no gateway has open, read to its last byte. */
import { Catalog } from "../../../src/registry/catalog/catalog.ts";
import { allArtifacts } from "../../../src/registry/catalog/find.ts";
import { openFileStore } from "../../../src/store/files/file-store.ts";
import { expect } from "../../support/cases.ts";
import type { AddingVersion } from "./adding-versions.ts";

export interface StoreReport {
  /** Of the audit log, that were missing because a gateway died before it wrote them. */
  readonly completedLines: number;
}

/** @throws Error saying what of it is not whole */
export async function checkStore(
  folder: string,
  { acknowledged = new Set() }: { readonly acknowledged?: ReadonlySet<AddingVersion> } = {},
): Promise<StoreReport> {
  const problems: string[] = [];
  const tell = (message: string) => void problems.push(message);
  const log = { debug() {}, info() {}, warn: tell, error: tell };
  // An hour later nothing is on its way any more.
  const now = () => Date.now() + 3_600_000;
  const store = await openFileStore(folder, { log, now, graceMs: 1000 });
  try {
    const catalog = new Catalog(store, { log, now });
    const completedLines = await catalog.completeAudit();
    const lines = await store.log.read(Number.MAX_SAFE_INTEGER);
    const { models, generation } = catalog.snapshot();
    const sum = models.reduce((total, model) => total + model.generation, 0);
    expect(generation === sum, `generation ${generation} is not ${sum}, the sum of the models'`);
    expect(lines.length === generation, `${lines.length} lines tell of ${generation} changes`);
    await store.blobs.sweep(await catalog.referencedBlobs());
    const found = new Set<string>();
    for (const { model } of models) {
      for (const { version, digest, artifact } of allArtifacts(model)) {
        const what = `${model.name} version ${version}`;
        expect(artifact.underway === undefined, `${what} is still being registered`);
        for (const blob of [digest, artifact.verdict]) {
          const bytes = blob === undefined ? undefined : await store.blobs.rehash(blob);
          expect(bytes === blob, `${what}: the bytes of ${blob} have digest ${String(bytes)}`);
        }
        found.add(digest);
      }
    }
    const lost = [...acknowledged].filter(({ digest }) => !found.has(digest));
    expect(lost.length === 0, `${lost.length} acknowledged registrations are lost`);
    expect(problems.length === 0, problems.join("; "));
    return { completedLines };
  } finally {
    await store.close();
  }
}
