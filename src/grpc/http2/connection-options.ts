/** What one connection is allowed. */
export interface ConnectionOptions {
  /** Of the whole connection. */
  readonly receiveWindowBytes: number;
  /** Of each stream; at least the 65,535 bytes that a client may send before it knows. */
  readonly streamWindowBytes: number;
  readonly maxFrameBytes: number;
  readonly maxConcurrentStreams: number;
  /** ms */
  readonly now: () => number;
}
