/** The registry of each vendor: its rules and keys, and how much it holds. */
import type { CatalogSnapshot } from "../../registry/catalog/registry.ts";
import type { ArtifactState } from "../../registry/catalog/types.ts";
import type { VendorFacts } from "./room.ts";

export interface VendorReport extends VendorFacts {
  readonly artifacts: Readonly<Partial<Record<ArtifactState, number>>>;
  readonly bytes: number;
}

/** An artifact of several models counts once a model; its bytes count once. */
export function vendorReports(
  facts: readonly VendorFacts[],
  snapshot: CatalogSnapshot,
): readonly VendorReport[] {
  const held = new Map<string, { counts: Partial<Record<ArtifactState, number>>; bytes: number }>();
  const seen = new Set<string>();
  for (const { model } of snapshot.models) {
    for (const { artifacts } of Object.values(model.versions)) {
      for (const { vendor, state, digest, sizeBytes } of artifacts) {
        const own = held.get(vendor) ?? { counts: {}, bytes: 0 };
        held.set(vendor, own);
        own.counts[state] = (own.counts[state] ?? 0) + 1;
        if (!seen.has(`${vendor} ${digest}`)) own.bytes += sizeBytes;
        seen.add(`${vendor} ${digest}`);
      }
    }
  }
  return facts.map((each) => {
    const { counts: artifacts = {}, bytes = 0 } = held.get(each.vendor) ?? {};
    return { ...each, artifacts, bytes };
  });
}
