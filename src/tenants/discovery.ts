/** Where the keys of an issuer are, as it says itself: OpenID Connect Discovery 1.0, §4, as WLCG's profile asks for it. */
import { isFetchable } from "./tenants-file.ts";

/** @param url of the issuer, to the letter */
export function discoveryUri(url: string): string {
  return `${url.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

/** @returns the address of the keys. @throws Error for a document that is not this issuer's, or names no safe address */
export function readDiscovery(text: string, url: string): string {
  const { issuer, jwks_uri: uri } = (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
  // §4.3: else whoever can write one document there could speak for another issuer.
  if (issuer !== url) throw new Error("its document is of another issuer");
  if (typeof uri === "string" && isFetchable(uri)) return uri;
  throw new Error("its document names no jwks_uri, or one that is not https");
}
