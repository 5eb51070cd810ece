import type { Socket } from "node:net";

/** Address and port of who is at the other end, as gRPC writes them. */
export function peerOf({ remoteAddress = "unknown", remotePort = 0 }: Socket): string {
  return remoteAddress.includes(":")
    ? `[${remoteAddress}]:${remotePort}`
    : `${remoteAddress}:${remotePort}`;
}
