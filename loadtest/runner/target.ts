/** The server under test: where it is, how it is spoken to, what it says about itself. */
import type { Control, ServerIdentity } from "../drivers/control/control.ts";
import { GrpcControl } from "../drivers/control/grpc-control.ts";
import { HttpControl } from "../drivers/control/http-control.ts";
import type { DriverName } from "../drivers/driver.ts";
import type { Header } from "../drivers/raw-http2/hpack.ts";
import type { Address, TlsOptions } from "../drivers/raw-http2/open-socket.ts";

const DEFAULT_PORT = { grpc: 8001, "grpc-stream": 8001, http: 8000 } as const;

/** Servers that know it say so; Triton and beamgate do. */
const BINARY_EXTENSION = "binary_tensor_data";

export interface Target {
  readonly address: Address;
  readonly url: string;
  readonly control: Control;
  readonly server: ServerIdentity;
  readonly binary: boolean;
  /** beamgate's HTTP port, for what only it can do. */
  readonly httpAddress?: Address;
}

/** `HOST:PORT`, `HOST`, `http://...` or `grpc://...`. @throws Error where it is none of these */
export function parseUrl(text: string, driver: DriverName, tls?: TlsOptions): Address {
  const [, scheme = "", host = "", port] =
    /^(?:([a-z+]+):\/\/)?(\[[0-9a-f:]+\]|[^:/\s]+)(?::(\d+))?\/?$/i.exec(text) ?? [];
  if (host === "") throw new Error(`--url ${text}: expected HOST:PORT`);
  const secure = tls ?? (["https", "grpcs"].includes(scheme) ? {} : undefined);
  return {
    host: host.replace(/^\[|\]$/g, ""),
    port: port === undefined ? DEFAULT_PORT[driver] : Number(port),
    ...(secure === undefined ? {} : { tls: secure }),
  };
}

/** @throws Error that says what does not answer */
export async function findTarget(
  driver: DriverName,
  address: Address,
  headers: readonly Header[],
  httpAddress: Address | undefined = driver === "http" ? address : undefined,
): Promise<Target> {
  const Kind = driver === "http" ? HttpControl : GrpcControl;
  const control = new Kind(address, headers);
  const server = await control.server();
  return {
    ...{ address, control, server },
    url: `${address.host}:${address.port}`,
    binary: server.extensions.includes(BINARY_EXTENSION),
    ...(httpAddress === undefined ? {} : { httpAddress }),
  };
}
