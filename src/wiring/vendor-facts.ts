/** What is told of each vendor's registry: its rules, and the keys that count there. */
import type { PublicKey, VendorFacts } from "../http/registry/room.ts";
import { VENDORS, type Vendor } from "../registry/catalog/types.ts";
import type { Trust } from "../registry/trust/trust.ts";
import type { VendorKeys } from "../registry/vendors/vendor-keys.ts";
import type { VendorRules } from "../registry/vendors/vendor-rules.ts";

export async function vendorFacts(
  rules: VendorRules,
  keys: VendorKeys,
  trust: Trust,
): Promise<readonly VendorFacts[]> {
  const trusted = await trust.trusted();
  return Promise.all(
    VENDORS.map(async (vendor) => {
      const { id, publicKey } = await keys.publicKey(vendor);
      return {
        vendor,
        key: { keyId: id, publicKey },
        trusted: trusted.filter(({ vendors }) => vendors.includes(vendor)).map(shown),
        rules: rulesOf(rules, vendor),
      };
    }),
  );
}

function shown({
  id,
  publicKey,
  notAfter,
}: Awaited<ReturnType<Trust["trusted"]>>[number]): PublicKey {
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const until = notAfter === undefined ? {} : { notAfter: new Date(notAfter).toISOString() };
  return { keyId: id, publicKey: pem, ...until };
}

function rulesOf(rules: VendorRules, vendor: Vendor) {
  const { formats, defaultPlatform, requireSignature, keepRetired } = rules[vendor];
  return {
    formats: Object.keys(formats).join(", "),
    defaultPlatform,
    requireSignature,
    keepRetired,
  };
}
