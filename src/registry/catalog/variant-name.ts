/** How the variant of an artifact is called: a folder's name, and what people type. */
import { outOfUse } from "./artifact-transitions.ts";
import type { CatalogVersion } from "./types.ts";

/** The vendor's word; `<vendor>-<platform>` where another platform of that vendor has it in this version. */
export function variantName(
  version: Pick<CatalogVersion, "artifacts"> | undefined,
  { vendor, platform }: { readonly vendor: string; readonly platform: string },
): string {
  const others = (version?.artifacts ?? []).filter(
    (other) => !outOfUse(other) && !(other.vendor === vendor && other.platform === platform),
  );
  const taken = new Set(others.map(({ variant }) => variant));
  if (!taken.has(vendor)) return vendor;
  const plain = `${vendor}-${platform.replaceAll(/[^A-Za-z0-9._-]+/g, "_")}`.slice(0, 120);
  let name = plain;
  for (let at = 2; taken.has(name); at++) name = `${plain}-${at}`;
  return name;
}
