/** Which retired artifacts go, pure: each vendor's registry keeps the newest ones. */
import { outOfUse } from "./artifact-transitions.ts";
import { type ArtifactRef, aliasesTo, allArtifacts, byVersionDown } from "./find.ts";
import { type CatalogModel, VENDORS, type Vendor } from "./types.ts";

/**
 * What is retired or refused, beyond the newest `keep` versions of its vendor that have such artifacts. Pinned
 * artifacts stay and do not count, nor does anything of a version to which an alias points.
 */
export function beyondRetention(
  model: CatalogModel,
  keep: (vendor: Vendor) => number,
): readonly ArtifactRef[] {
  const idle = allArtifacts(model).filter(
    ({ version, artifact }) =>
      outOfUse(artifact) && artifact.pinned === undefined && aliasesTo(model, version).length === 0,
  );
  return VENDORS.flatMap((vendor) => {
    const mine = idle.filter(({ artifact }) => artifact.vendor === vendor);
    const versions = [...new Set(mine.map(({ version }) => version))].toSorted(byVersionDown);
    const kept = new Set(versions.slice(0, keep(vendor)));
    return mine
      .filter(({ version }) => !kept.has(version))
      .map(({ version, digest }) => ({ version, digest, vendor }));
  });
}
