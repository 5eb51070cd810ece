/** Who calls, from the configuration; and files of identity that are read again while the gateway serves. */
import type { Config } from "../config/load.ts";
import { toStatusError } from "../errors.ts";
import type { GrpcServer } from "../grpc/transport/server.ts";
import type { Service } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import { Gatekeeper } from "../tenants/gatekeeper.ts";
import { WatchedFiles } from "../tenants/watched-files.ts";

/** undefined: nobody is asked who he is. */
export function createGatekeeper({ auth }: Config, log: Logger): Gatekeeper | undefined {
  if (auth.tenantsFile === undefined) return undefined;
  const listeners = auth.listeners.map(({ name }) => name);
  return new Gatekeeper({ path: auth.tenantsFile, listeners, log });
}

export interface Reloading extends Service {
  /** Reads them now. Does not reject. */
  reload(): Promise<void>;
}

/** Certificates, keys and authorities of TLS: connections that are there keep theirs. undefined: no TLS. */
export function tlsReloading(
  { certPath, keyPath, rootCertPath, useSsl }: Config["grpc"]["tls"],
  server: Pick<GrpcServer, "reloadTls">,
  log: Logger,
): Reloading | undefined {
  if (!useSsl) return undefined;
  const paths = [certPath, keyPath, rootCertPath].filter((path) => path !== undefined);
  const files = new WatchedFiles(
    () => paths,
    async () => {
      try {
        server.reloadTls();
        log.info("TLS: certificates, keys and authorities are read again");
      } catch (thrown) {
        log.error(`TLS: what was read before still counts: ${toStatusError(thrown).message}`);
      }
    },
  );
  return {
    name: "TLS files",
    start: () => files.start(),
    stop: () => files.stop(),
    reload: () => files.reload(),
  };
}
