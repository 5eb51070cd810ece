/**
 * Memory that clients share with this server, as the rest of the gateway sees
 * it: regions registered under a name, and stretches of them that requests use.
 */

/** A stretch of a registered region. */
export interface SharedRange {
  readonly region: string;
  readonly offset: number;
  readonly byteLength: number;
}

/** Bytes that did not come with the request. */
export interface ByteSource {
  /** Copies all of them. @throws StatusError where they are not there any more. */
  copyTo(target: Uint8Array, offset: number): void;
}

/** A client's connection: what is registered over it goes some time after it is gone. */
export interface ClientConnection {
  readonly gone: boolean;
  /** Calls `tell` once, when the connection is gone. */
  whenGone(tell: () => void): void;
}

/** A stretch of a region, checked against its bounds. */
export interface SharedBytes extends ByteSource {
  readonly range: SharedRange;
  /** Writes `bytes` to its begin. @throws StatusError where the memory is not there any more. */
  write(bytes: Uint8Array): void;
  /**
   * Keeps the region registered until `release`; a region whose own connection is
   * gone goes over to `user`, if that is there.
   */
  hold(user: ClientConnection | undefined): void;
  release(): void;
}

/** What the checks of a request ask. */
export interface RegionLookup {
  /** @throws StatusError with Triton's text: no such region, or beyond its bounds. */
  find(range: SharedRange): SharedBytes;
}

export interface SharedRegion {
  readonly name: string;
  /** As for shm_open: the name of a file in /dev/shm, with or without a slash in front. */
  readonly key: string;
  /** Where the region begins in that file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** What clients ask by RPC. Every method throws StatusErrors with Triton's texts. */
export interface SharedMemoryControl {
  /** @param graceMs how long the region outlives the connection that it was registered over */
  register(region: SharedRegion, connection: ClientConnection, graceMs: number): void;
  /**
   * Where requests use the region it stays until they are done. Regions of other
   * connections that are alive stay, without an error; so do names that are unknown.
   * @param name empty: every region of this connection
   */
  unregister(name: string, connection: ClientConnection): void;
  /** @param name empty: all regions, of whomever. */
  status(name: string): readonly SharedRegion[];
}
