/**
 * Connections to the dial-in port that have not said who they are: so many at a time, and so many from one network that
 * nobody can hold them all. One more ends the oldest of the network that has most, so that a flood only hurts itself: whoever
 * knows the secret has proven it within a round trip, and strangers take neither the port nor the gateway's descriptors.
 */
import { isIPv6, type Socket } from "node:net";

export const MOST_STRANGERS = 256;
/** Many nodes of a batch system may share an address. */
export const MOST_OF_A_NETWORK = MOST_STRANGERS / 2;

export class Strangers {
  /** By network: raw sockets, also of those that are still at their TLS handshake, by their peer; the oldest first. */
  readonly #networks = new Map<string, Map<string, Socket>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @returns the network of which a connection was ended for this one; undefined: there was room */
  meet(socket: Socket): string | undefined {
    const network = networkOf(socket.remoteAddress ?? "");
    const peer = peerOf(socket);
    const its = this.#networks.get(network) ?? new Map<string, Socket>();
    let ended: string | undefined;
    if (its.size >= MOST_OF_A_NETWORK) ended = network;
    else if (this.#count >= MOST_STRANGERS) ended = this.#largest();
    if (ended !== undefined) this.#endOldestOf(ended);
    this.#networks.set(network, its);
    if (!its.has(peer)) this.#count += 1;
    its.set(peer, socket);
    socket.once("close", () => {
      if (its.get(peer) === socket) this.#remove(network, peer);
    });
    return ended;
  }

  /** It has proven that it knows the secret. @param socket the raw one, or TLS over it */
  recognise(socket: Socket): void {
    this.#remove(networkOf(socket.remoteAddress ?? ""), peerOf(socket));
  }

  #largest(): string | undefined {
    let largest: string | undefined;
    let most = 0;
    for (const [network, { size }] of this.#networks) {
      if (size <= most) continue;
      most = size;
      largest = network;
    }
    return largest;
  }

  #endOldestOf(network: string): void {
    for (const [peer, socket] of this.#networks.get(network) ?? []) {
      this.#remove(network, peer);
      socket.destroy();
      return;
    }
  }

  #remove(network: string, peer: string): void {
    const its = this.#networks.get(network);
    if (!its?.delete(peer)) return;
    this.#count -= 1;
    if (its.size === 0) this.#networks.delete(network);
  }
}

export function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}

/** An address of IPv4, or the half of one of IPv6 that is one subscriber's. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [before = "", after] = (address.split("%")[0] ?? "").split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const gap = after === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array<string>(Math.max(0, gap)).fill("0"), ...tail];
  const half = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${half.join(":")}::/64`;
}
