/** The socket under an HTTP/2 connection, plain or encrypted. */
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** What encrypts a connection and says who its client is; PEM texts. */
export interface TlsOptions {
  /** Certificates that are trusted in place of the system's. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Accept any certificate of the server. */
  readonly insecure?: boolean;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsOptions;
}

const READ_BYTES = 256 * 1024;

/** @param take is given what was read; the bytes are valid during the call only */
export function openSocket(address: Address, take: (bytes: Buffer) => void): Socket {
  const { host, port, tls } = address;
  if (tls !== undefined) {
    const { insecure, ...identity } = tls;
    const socket = connectTls({
      ...{ host, port, ...identity },
      // RFC 6066 has no addresses as names; the certificate is checked against the host either way.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: ["h2"],
      rejectUnauthorized: insecure !== true,
    });
    socket.setNoDelay(true);
    return socket.on("data", take);
  }
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  return connect({
    ...{ host, port, noDelay: true },
    onread: {
      buffer,
      callback: (length) => {
        take(buffer.subarray(0, length));
        return true;
      },
    },
  });
}
