/** The far servers of one configuration, as the worker process sees them. */
import {
  type Backend,
  BackendError,
  type Device,
  type ModelInstance,
  type ModelVariant,
} from "../contract.ts";
import { addressesOf, type FarAddress } from "./addresses.ts";
import { checkAgreement } from "./agreement.ts";
import { farModelOf } from "./artifact.ts";
import type { ServerIdentity } from "./codec/answers.ts";
import type { FarModel } from "./codec/infer-request.ts";
import { FarServer } from "./far-server.ts";
import { type RemoteOptions, readOptions } from "./options.ts";
import { Readiness } from "./readiness.ts";
import { RemoteInstance } from "./remote-instance.ts";

/** A server that does not say who it is within this time is listed without a name. */
const IDENTITY_MS = 1_000;
const PREFIX = "remote:";

export class RemoteBackend implements Backend {
  readonly kind = "remote";
  readonly #options: RemoteOptions;
  /** By address. */
  readonly #servers = new Map<string, FarServer>();
  readonly #identities = new Map<string, ServerIdentity>();

  /** @throws BackendError `internal` naming the option that is wrong */
  constructor(options: unknown) {
    this.#options = readOptions(options);
  }

  async devices(): Promise<readonly Device[]> {
    const addresses = await addressesOf(this.#options.servers);
    return Promise.all(addresses.map((found) => this.#device(found)));
  }

  async load(variant: ModelVariant, device: Device): Promise<ModelInstance> {
    const server = this.#servers.get(device.location ?? "");
    if (server === undefined) throw new BackendError("device", `no server behind ${device.id}`);
    const model = await farModelOf(variant);
    const verify = () => checkFarModel(server, model, variant);
    await verify();
    const { healthMs: periodMs, maxInFlight } = this.#options;
    const readiness = new Readiness({ server, model, periodMs, verify });
    return new RemoteInstance({ variant, device, model, server, readiness, maxInFlight });
  }

  async close(): Promise<void> {
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
  }

  async #device(found: FarAddress): Promise<Device> {
    const { address } = found;
    const { vendor, platform = "any" } = this.#options;
    const identity = await this.#identity(found);
    return {
      id: PREFIX + address,
      vendor: vendor ?? identity?.name ?? "any",
      platform,
      location: address,
      ...(identity && { description: `${identity.name} ${identity.version}`.trim() }),
    };
  }

  /** undefined: it does not answer now; it is asked again the next time. */
  async #identity(found: FarAddress): Promise<ServerIdentity | undefined> {
    const { address } = found;
    const known = this.#identities.get(address);
    if (known !== undefined) return known;
    const server = this.#servers.get(address) ?? new FarServer({ ...this.#options, ...found });
    this.#servers.set(address, server);
    const identity = await server.identity(IDENTITY_MS).catch(() => undefined);
    if (identity !== undefined) this.#identities.set(address, identity);
    return identity;
  }
}

/** @throws BackendError where it does not serve, or is not the model that is meant */
async function checkFarModel(
  server: FarServer,
  model: FarModel,
  variant: ModelVariant,
): Promise<void> {
  const [metadata, config] = await Promise.all([
    server.modelMetadata(model),
    server.modelConfig(model),
  ]);
  try {
    checkAgreement(variant, metadata, config);
  } catch (thrown) {
    if (!(thrown instanceof BackendError)) throw thrown;
    const place = `model '${model.name}' of server ${server.address}`;
    throw new BackendError(thrown.fault, `${place}: ${thrown.message}`);
  }
}
