/** The TLS side of a gRPC port: its files, its handshakes, and HTTP/2 behind them. */
import type { Socket } from "node:net";
import { createServer, type Server } from "node:tls";
import type { Logger } from "../../logger.ts";
import { watchHandshakes } from "../../tenants/tls/handshakes.ts";
import {
  handshakeRules,
  outOfTime,
  readTls,
  type TlsMaterial,
  type TlsOptions,
} from "../../tenants/tls/tls-files.ts";

/** @throws TlsFileError */
export function readPortTls(tls: TlsOptions, log: Logger): TlsMaterial {
  const read = readTls(tls, "grpc.tls");
  const trouble = outOfTime(read, Date.now());
  if (trouble) log.warn(`the certificate '${tls.certPath}': ${trouble}`);
  return read;
}

/** Connections that do not go on in HTTP/2 are ended. @throws TlsFileError */
export function tlsServer(tls: TlsOptions, log: Logger, take: (socket: Socket) => void): Server {
  const options = { ...handshakeRules(tls, ["h2"]), ...readPortTls(tls, log) };
  const server = createServer(options, (socket) => {
    if (socket.alpnProtocol === "h2") take(socket);
    else socket.destroy();
  });
  watchHandshakes(server, "gRPC", log);
  return server;
}
