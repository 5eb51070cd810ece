/** Where a client on this machine finds this gateway itself. */
interface Port {
  readonly enabled: boolean;
  readonly address: string;
  readonly tls: { readonly useSsl: boolean };
}

/** @returns `grpc://127.0.0.1:8001`; HTTP where there is no gRPC; undefined: it has neither */
export function ownAddress(
  config: { readonly grpc: Port; readonly http: Port },
  ports: Readonly<Record<"grpc" | "http", () => number>>,
): string | undefined {
  const kind = config.grpc.enabled ? "grpc" : "http";
  const { enabled, address, tls } = config[kind];
  if (!enabled) return undefined;
  return `${kind}${tls.useSsl ? "s" : ""}://${reachable(address)}:${ports[kind]()}`;
}

/** What listens on all addresses is called by that of this machine alone. */
function reachable(address: string): string {
  if (address === "0.0.0.0") return "127.0.0.1";
  if (address === "::") return "[::1]";
  return address.includes(":") ? `[${address}]` : address;
}
