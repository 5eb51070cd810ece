/** Who asks, as a server can tell: by headers, by a certificate. */
import type { Header } from "./raw-http2/hpack.ts";
import type { Address } from "./raw-http2/open-socket.ts";

export interface Identity {
  readonly headers: readonly Header[];
  /** PEM; in place of the certificate that the address has. */
  readonly certificate?: { readonly cert: string; readonly key: string };
}

/** The address as this client goes there. @throws Error where nothing is encrypted: a certificate is shown in TLS only */
export function addressFor(
  address: Address,
  { certificate }: Pick<Identity, "certificate">,
): Address {
  if (certificate === undefined) return address;
  if (address.tls === undefined) {
    throw new Error(
      `${address.host}:${address.port}: a client certificate is shown over TLS only; add --ssl-grpc-use-ssl`,
    );
  }
  return { ...address, tls: { ...address.tls, ...certificate } };
}

/** Both; where both name a header, the second has it. */
export function mergeHeaders(
  general: readonly Header[],
  special: readonly Header[],
): readonly Header[] {
  const names = new Set(special.map(({ name }) => name));
  return [...general.filter(({ name }) => !names.has(name)), ...special];
}
