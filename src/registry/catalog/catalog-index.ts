/** Artifacts by vendor, digest and platform, kept up to date model by model. */
import { allArtifacts, type FoundArtifact } from "./find.ts";
import type { CatalogModel, Digest, Vendor } from "./types.ts";

export interface IndexedArtifact extends FoundArtifact {
  readonly model: string;
}

export class CatalogIndex {
  readonly #byModel = new Map<string, readonly IndexedArtifact[]>();
  readonly #byVendor = new Groups();
  readonly #byDigest = new Groups();
  readonly #byPlatform = new Groups();

  /** undefined: the model is gone. */
  set(name: string, model: CatalogModel | undefined): void {
    for (const one of this.#byModel.get(name) ?? []) {
      this.#byVendor.delete(one.artifact.vendor, one);
      this.#byDigest.delete(one.digest, one);
      this.#byPlatform.delete(one.artifact.platform, one);
    }
    this.#byModel.delete(name);
    if (model === undefined) return;
    const artifacts = allArtifacts(model).map((found) => ({ ...found, model: name }));
    this.#byModel.set(name, artifacts);
    for (const one of artifacts) {
      this.#byVendor.add(one.artifact.vendor, one);
      this.#byDigest.add(one.digest, one);
      this.#byPlatform.add(one.artifact.platform, one);
    }
  }

  ofVendor(vendor: Vendor): readonly IndexedArtifact[] {
    return this.#byVendor.get(vendor);
  }

  /** The same bytes may be registered for several models and versions. */
  withDigest(digest: Digest): readonly IndexedArtifact[] {
    return this.#byDigest.get(digest);
  }

  forPlatform(platform: string): readonly IndexedArtifact[] {
    return this.#byPlatform.get(platform);
  }
}

class Groups {
  readonly #groups = new Map<string, Set<IndexedArtifact>>();

  add(key: string, one: IndexedArtifact): void {
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, new Set([one]));
    else group.add(one);
  }

  delete(key: string, one: IndexedArtifact): void {
    const group = this.#groups.get(key);
    group?.delete(one);
    if (group?.size === 0) this.#groups.delete(key);
  }

  get(key: string): readonly IndexedArtifact[] {
    return [...(this.#groups.get(key) ?? [])];
  }
}
