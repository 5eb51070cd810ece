/** How this gateway is known among several. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { GatewayFacts } from "../inference/gateway-report.ts";

export interface Self {
  readonly id: string;
  /** The port is known once it is listened on. */
  facts(): GatewayFacts;
}

/**
 * @param announce what to say in place of the address that is listened on
 */
export function gatewayFacts(
  version: string,
  announce: string | undefined,
  grpc: { readonly address: string; readonly port: () => number },
): Self {
  const id = `${hostname()}-${randomBytes(4).toString("hex")}`;
  const since = new Date().toISOString();
  const host = grpc.address.includes(":") ? `[${grpc.address}]` : grpc.address;
  const address = () => announce ?? `${host}:${grpc.port()}`;
  return { id, facts: () => ({ id, address: address(), version, since }) };
}
