/** Who calls, from the configuration; and files of identity that are read again while the gateway serves. */
import type { Config } from "../config/load.ts";
import { toStatusError } from "../errors.ts";
import type { Service } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import { Gatekeeper } from "../tenants/gatekeeper.ts";
import type { TlsOptions } from "../tenants/tls/tls-files.ts";
import { WatchedFiles } from "../tenants/watched-files.ts";

/** undefined: nobody is asked who he is. */
export function createGatekeeper({ auth }: Config, log: Logger): Gatekeeper | undefined {
  if (auth.tenantsFile === undefined) return undefined;
  const listeners = auth.listeners.map(({ name }) => name);
  return new Gatekeeper({ path: auth.tenantsFile, listeners, log });
}

type TlsSlice = Config["grpc"]["tls"];

/**
 * TLS of a port. undefined: it has none.
 * @param asks clients who they are: a certificate is one of the ways to say so
 */
export function tlsOf(slice: TlsSlice, asks: boolean): TlsOptions | undefined {
  const { useSsl, mutual, certPath, keyPath, rootCertPath } = slice;
  if (!useSsl || certPath === undefined || keyPath === undefined) return undefined;
  const root = rootCertPath === undefined ? {} : { rootCertPath, optional: asks };
  return { certPath, keyPath, mutual, ...root };
}

export interface Reloading extends Service {
  /** Reads them now. Does not reject. */
  reload(): Promise<void>;
}

/**
 * Certificate, key and authorities of a port: connections that are there keep theirs. undefined: no TLS.
 * @param port as the log calls it
 */
export function tlsReloading(
  port: string,
  { certPath, keyPath, rootCertPath, useSsl }: TlsSlice,
  server: { reloadTls(): void },
  log: Logger,
): Reloading | undefined {
  if (!useSsl) return undefined;
  const paths = [certPath, keyPath, rootCertPath].filter((path) => path !== undefined);
  const files = new WatchedFiles(
    () => paths,
    async () => {
      try {
        server.reloadTls();
        log.info(`TLS of ${port}: certificates, keys and authorities are read again`);
      } catch (thrown) {
        const { message } = toStatusError(thrown);
        log.error(`TLS of ${port}: what was read before still counts: ${message}`);
      }
    },
  );
  return {
    name: `TLS files of ${port}`,
    start: () => files.start(),
    stop: () => files.stop(),
    reload: () => files.reload(),
  };
}
