/**
 * Handshakes that came to nothing: ended, and told to the operator where a certificate is the reason.
 * Whoever knocks at an open port decides how often that is, so each reason is one line in a while.
 */
import type { Socket } from "node:net";
import type { TLSSocket, Server as TlsServer } from "node:tls";
import type { Logger } from "../../logger.ts";
import { certificateReason } from "../origin.ts";

const QUIET_MS = 10_000;

/** What clients say when they do not accept ours, and OpenSSL when they show none; by the code of Node's error. */
const REASONS: Readonly<Record<string, string>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "the client shows no certificate",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "the client does not know the authority of this server",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "the client does not accept the certificate of this server",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    "for the client the certificate of this server has expired",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    "the client does not accept the certificate of this server",
};

/** @param port as the log shall call it, `gRPC`. @param now ms, of any clock that only grows */
export function watchHandshakes(
  server: TlsServer,
  port: string,
  log: Logger,
  now: () => number = () => performance.now(),
): void {
  const told = new Map<string, { at: number; untold: number }>();
  // Node's HTTPS server would take them for requests that are no HTTP.
  server.removeAllListeners("tlsClientError");
  server.on("connection", remember);
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    const from = (socket as Wrapping)._parent?.remoteAddress;
    // One that says nothing until its time is over is still there.
    socket.destroy();
    const reason = reasonOf(error, socket);
    if (reason === undefined) {
      log.debug("TLS handshake", { port, from, error: error.message });
      return;
    }
    const before = told.get(reason);
    if (before !== undefined && now() - before.at < QUIET_MS) {
      before.untold++;
      return;
    }
    const more = before?.untold ? `, and ${before.untold} times more since it was told last` : "";
    told.set(reason, { at: now(), untold: 0 });
    log.warn(`${port}: a TLS handshake is refused: ${reason}${more}`, { from });
  });
}

/** A connection of TLS in Node: it forgets its peer when it ends, and the socket below it does not once it was asked. */
interface Wrapping {
  readonly _parent?: Socket | null;
}

function remember(socket: Socket): void {
  void socket.remoteAddress;
}

function reasonOf({ code }: NodeJS.ErrnoException, socket: TLSSocket): string | undefined {
  // Node ends the connection of a certificate that does not count, and keeps the reason here.
  const refused = socket.authorizationError as unknown as string | null | undefined;
  if (refused) return `the client's certificate is not accepted: ${certificateReason(refused)}`;
  return REASONS[code ?? ""];
}
