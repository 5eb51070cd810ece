/** Where the Redis is that several gateways share, and how patient they are with it. */
export interface RedisSettings {
  /** `redis://host[:port][/db]`, `rediss://…` for TLS, `unix:/path`. */
  readonly url?: string | undefined;
  /** `host:port` of each Sentinel; in place of `url`. */
  readonly sentinels: readonly string[];
  /** What the Sentinels call the master. */
  readonly masterName: string;
  readonly tls: boolean;
  /** Authorities of Redis' certificate; absent: those of Node. */
  readonly caPath?: string | undefined;
  /** What this gateway shows of itself, PEM; absent: nothing. */
  readonly certPath?: string | undefined;
  readonly keyPath?: string | undefined;
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly sentinelPasswordFile?: string | undefined;
  /** Gateways with the same prefix belong together. */
  readonly prefix: string;
  readonly commandTimeoutMs: number;
  /** A gateway that was not heard of for so long does not count any more. */
  readonly gatewayTtlMs: number;
  /** ModelStatistics are of all gateways together. */
  readonly shareStatistics: boolean;
}

/** Nobody named a Redis: nothing of this room is loaded. */
export const isConfigured = ({ url, sentinels }: Pick<RedisSettings, "url" | "sentinels">) =>
  url !== undefined || sentinels.length > 0;
