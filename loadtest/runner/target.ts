/** The server under test: where it is, how it is spoken to, what it says about itself. */
import type { Control, ServerIdentity } from "../drivers/control/control.ts";
import { GrpcControl } from "../drivers/control/grpc-control.ts";
import { HttpControl } from "../drivers/control/http-control.ts";
import type { DriverName } from "../drivers/driver.ts";
import { addressFor, type Identity } from "../drivers/identity.ts";
import type { Address, TlsOptions } from "../drivers/raw-http2/open-socket.ts";

const DEFAULT_PORT = { grpc: 8001, "grpc-stream": 8001, http: 8000 } as const;

/** What flags say of encryption. */
export interface AskedTls {
  /** Whether addresses without a scheme are encrypted. */
  readonly use: boolean;
  readonly options: TlsOptions;
}

/** Servers that know it say so; Triton and beamgate do. */
const BINARY_EXTENSION = "binary_tensor_data";

export interface Target {
  readonly address: Address;
  readonly url: string;
  /** Whom the run itself asks as: about the server, and for what is done to it. */
  readonly identity: Identity;
  readonly control: Control;
  /** Questions of somebody else, who may see other models. */
  controlAs(identity: Identity): Control;
  readonly server: ServerIdentity;
  readonly binary: boolean;
  /** beamgate's HTTP port, for what only it can do. */
  readonly httpAddress?: Address;
}

/**
 * `HOST:PORT`, `HOST`, or with a scheme, which alone says then whether it is encrypted: `http://`, `https://`, `grpc://`, `grpcs://`.
 * @param tls what flags say; absent: nothing. @throws Error where it is none of these
 */
export function parseUrl(text: string, driver: DriverName, tls?: AskedTls): Address {
  const [, scheme = "", host = "", port] =
    /^(?:([a-z+]+):\/\/)?(\[[0-9a-f:]+\]|[^:/\s]+)(?::(\d+))?\/?$/i.exec(text) ?? [];
  if (host === "") throw new Error(`--url ${text}: expected HOST:PORT`);
  const encrypted = scheme === "" ? tls?.use === true : ["https", "grpcs"].includes(scheme);
  return {
    host: host.replace(/^\[|\]$/g, ""),
    port: port === undefined ? DEFAULT_PORT[driver] : Number(port),
    ...(encrypted ? { tls: tls?.options ?? {} } : {}),
  };
}

/** @throws Error that says what does not answer */
export async function findTarget(
  driver: DriverName,
  address: Address,
  identity: Identity,
  httpAddress: Address | undefined = driver === "http" ? address : undefined,
): Promise<Target> {
  const Kind = driver === "http" ? HttpControl : GrpcControl;
  const controlAs = (who: Identity): Control => new Kind(addressFor(address, who), who.headers);
  const control = controlAs(identity);
  const server = await control.server();
  return {
    ...{ address, identity, control, controlAs, server },
    url: `${address.host}:${address.port}`,
    binary: server.extensions.includes(BINARY_EXTENSION),
    ...(httpAddress === undefined ? {} : { httpAddress }),
  };
}
