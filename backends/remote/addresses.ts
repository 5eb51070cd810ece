/** Where the far servers are: the addresses that the options list, or those of one name. */
import { lookup } from "node:dns/promises";
import { isIPv6 } from "node:net";
import { BackendError } from "../contract.ts";
import type { RemoteOptions } from "./options.ts";

export interface FarAddress {
  /** `host:port`, or the name of a server behind a unix socket. */
  readonly address: string;
  /** Of that socket. */
  readonly path?: string;
  /** The name it was found under. */
  readonly name?: string;
}

/** In an order that does not depend on the answer of the name server. @throws BackendError `device` */
export async function addressesOf(servers: RemoteOptions["servers"]): Promise<FarAddress[]> {
  if (typeof servers !== "string") return servers.map(placeOf);
  const colon = servers.lastIndexOf(":");
  const port = servers.slice(colon + 1);
  const name = servers.slice(0, colon).replace(/^\[|\]$/g, "");
  try {
    const found = await lookup(name, { all: true });
    const hosts = found.map(({ address }) => (isIPv6(address) ? `[${address}]` : address));
    return [...new Set(hosts)].sort().map((host) => ({ address: `${host}:${port}`, name }));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : cause;
    throw new BackendError("device", `the name ${name} of option servers has no address: ${code}`);
  }
}

/** @param server `host:port`, or `NAME=unix:PATH` */
function placeOf(server: string): FarAddress {
  const [address = "", path] = server.split("=unix:", 2);
  return path === undefined ? { address } : { address, path };
}
