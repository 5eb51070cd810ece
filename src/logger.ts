/** How a room tells the operator something; `telemetry/log.ts` is the one that writes. */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
