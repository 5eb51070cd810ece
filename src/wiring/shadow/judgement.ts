/** In which sense an artifact computes what the artifacts compute that answer live requests. */
import { equivalenceBetween } from "../../policy/equivalence/between.ts";
import type { Equivalence } from "../../policy/equivalence/types.ts";
import type { CatalogModel, CatalogVersion } from "../../registry/catalog/types.ts";
import { artifactsOf } from "../../registry/published/served-artifacts.ts";
import type { ServedModel, VariantDefinition } from "../../registry/types.ts";
import type { Served } from "../../scheduling/served.ts";

export interface Judgement {
  /** By variant that answered. */
  readonly equivalences: ReadonlyMap<string, Equivalence>;
  /** False: the versions have different truths, so that the answers differ by design. */
  readonly judged: boolean;
}

const EXACT: Equivalence = { class: { kind: "bit-exact" } };

/** @returns undefined: it is not in the catalog any more, or nothing else answers live requests */
export function judgementOf(
  model: CatalogModel,
  { live, shadow }: { readonly live: ServedModel<Served>; readonly shadow: ServedModel<Served> },
  variant: VariantDefinition,
): Judgement | undefined {
  const ours = model.versions[shadow.definition.version];
  const theirs = model.versions[live.definition.version];
  const artifact = ours?.artifacts.find(({ digest }) => digest === variant.artifact.digest);
  if (ours === undefined || theirs === undefined || artifact === undefined) return undefined;
  const outputs = shadow.definition.signature.outputs.map(({ name }) => name);
  const own = artifact.equivalence ?? ours.equivalence;
  const equivalences = new Map<string, Equivalence>();
  for (const { name, artifact } of artifactsOf(live.definition)) {
    if (live.loaded === shadow.loaded && name === variant.name) continue;
    const known = theirs.artifacts.find(({ digest }) => digest === artifact.digest);
    const its = known?.equivalence ?? theirs.equivalence;
    const isReference = theirs.reference === artifact.digest;
    equivalences.set(name, equivalenceBetween(isReference ? EXACT : its, own, outputs));
  }
  return equivalences.size === 0
    ? undefined
    : { equivalences, judged: haveSameTruth(ours, theirs) };
}

/** Classes are about the reference of a version: another training has another one. */
function haveSameTruth(a: CatalogVersion, b: CatalogVersion): boolean {
  if (a === b) return true;
  if (a.reference !== undefined && a.reference === b.reference) return true;
  return a.golden !== undefined && a.golden.outputs === b.golden?.outputs;
}
