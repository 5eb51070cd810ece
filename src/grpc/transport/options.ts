/** What the gRPC server needs to be told. Names of flags are Triton's. */
import type { Clock } from "../../clock.ts";
import type { ByteBudget } from "../../inference/byte-budget.ts";
import type { Logger } from "../../logger.ts";
import type { Gatekeeper } from "../../tenants/gatekeeper.ts";
import type { TlsOptions } from "../../tenants/tls/tls-files.ts";

/** `--grpc-keepalive-*` and `--grpc-http2-*`. */
export interface KeepaliveOptions {
  /** A PING is sent after this time; 0 or Infinity: never. */
  readonly timeMs: number;
  /** The connection is cut when its answer takes longer. */
  readonly timeoutMs: number;
  /** PING (and accept PINGs) also while no call is open. */
  readonly permitWithoutCalls: boolean;
  /** PINGs sent in a row without any call having been answered between; 0: any number. */
  readonly maxPingsWithoutData: number;
  /** Shortest time between two PINGs of a client when the server sends nothing between them. */
  readonly minReceivedPingIntervalMs: number;
  /** PINGs that may come too early before the connection is closed; 0: any number. */
  readonly maxPingStrikes: number;
}

/** Triton's defaults. */
export const DEFAULT_KEEPALIVE: KeepaliveOptions = {
  timeMs: 7_200_000,
  timeoutMs: 20_000,
  permitWithoutCalls: false,
  maxPingsWithoutData: 2,
  minReceivedPingIntervalMs: 300_000,
  maxPingStrikes: 2,
};

export interface GrpcServerOptions {
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
  readonly tls?: TlsOptions;
  /** Processes that speak HTTP/2 and TLS with the clients; absent: this one does. */
  readonly edges?: {
    readonly count: number;
    /** The built `edge/main.js`. */
    readonly entry: string;
  };
  /** Longest message, compressed or not, that a client may send. Triton: 2^31 - 1. */
  readonly maxMessageBytes: number;
  /** All messages being received or served together, in bytes; a longer one is refused. */
  readonly receiveBudgetBytes: number;
  /** Where the bodies of another front-end count too; absent: a budget of its own. */
  readonly budget?: ByteBudget;
  /** Answers written and not yet taken by their clients, all together; default: half the receive budget. */
  readonly sendBudgetBytes?: number;
  readonly responseCompression: "none" | "deflate" | "gzip";
  /** zlib's 0..9. */
  readonly compressionLevel?: number;
  readonly keepalive: KeepaliveOptions;
  /** A connection is asked to leave (GOAWAY) at this age, ± 10 %; 0: never. */
  readonly maxConnectionAgeMs: number;
  /** ... and cut this long after; 0: never. */
  readonly maxConnectionAgeGraceMs: number;
  readonly maxConcurrentStreams: number;
  /** Asked before anything of a call's body is looked at; absent: nobody is asked who he is. */
  readonly gate?: Pick<Gatekeeper, "admit">;
  /** Further ports, whose connections are known by the name, and names of this server in TLS likewise. */
  readonly listeners?: readonly NamedListener[];
  /** Connections beyond this number are closed at once; absent: no limit. */
  readonly maxConnections?: number;
  /** Slowness that is put up with; absent: `DEFAULT_PATIENCE`. */
  readonly patience?: Patience;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Where clients come who can say in no other way whose they are. */
export interface NamedListener {
  readonly name: string;
  /** 0: any free port. */
  readonly grpcPort?: number | undefined;
  /** What the client calls this server in its TLS handshake (SNI). */
  readonly serverName?: string | undefined;
}

/** How slow a client may be before its call is ended. */
export interface Patience {
  /** Slowest sending of a message while others wait for the room it holds, bytes/s. */
  readonly minimumBytesPerSecond: number;
  /** Time over which that rate is taken, ms. */
  readonly slowSenderMs: number;
  /**
   * A message begun and not continued for this long ends its call, also while nobody waits;
   * likewise a call of one message without it, or without its end. Streams may be silent.
   */
  readonly silentSenderMs: number;
  /** An answer of which nothing was taken for this long ends its call. */
  readonly stalledReaderMs: number;
  /** Bytes one streaming call may have waiting to be taken. */
  readonly streamBacklogBytes: number;
}

export const DEFAULT_PATIENCE: Patience = {
  minimumBytesPerSecond: 64 * 1024,
  slowSenderMs: 5_000,
  silentSenderMs: 30_000,
  stalledReaderMs: 30_000,
  streamBacklogBytes: 8 * 1024 * 1024,
};
