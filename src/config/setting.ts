/** One value on its way into the configuration, with where it came from. */
export interface Setting {
  readonly value: unknown;
  /** `flag --grpc-port`, `env BEAMGATE_GRPC_PORT`, `file /etc/beamgate.yaml`. */
  readonly origin: string;
  /** What relative paths start from. */
  readonly folder: string;
}

/** A key of the schema and what is written for it in a flag. */
export interface WrittenKey {
  readonly key: string;
  readonly written: string;
}
