/**
 * Which version gets a request that names none: `production`, `candidate` for its share, and for a sequence
 * the version that it began with. Every request of a stream is asked about for itself. Models that were not
 * registered cost one look into a Map here, none while nothing is registered.
 */
import type { Clock } from "../clock.ts";
import type { InferCall, WireRequest } from "../inference/request.ts";
import { readRequestParameters } from "../inference/request-parameters.ts";
import { sequenceKey } from "../inference/sequence-key.ts";
import { CanaryShare } from "../policy/rollout/canary-share.ts";
import { SequenceHomes } from "../policy/rollout/sequence-homes.ts";
import { parseWish } from "../policy/routing/wish.ts";
import type { RegisteredModel } from "../registry/published/registered-model.ts";
import type { ServedModel } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";

const CANDIDATE = "candidate";

export interface AliasesParts {
  /** @throws StatusError where it does not serve */
  resolve(model: string, version: string): ServedModel<Served>;
  serving(model: string, version: string): ServedModel<Served> | undefined;
  /** The version that an alias stands for now. */
  alias(model: string, alias: string): string | undefined;
  readonly clock: Clock;
}

interface Rollout {
  /** Of the candidate. */
  weight: number;
  readonly share: CanaryShare;
  readonly homes: SequenceHomes;
}

export class Aliases {
  readonly #parts: AliasesParts;
  readonly #rollouts = new Map<string, Rollout>();

  constructor(parts: AliasesParts) {
    this.#parts = parts;
  }

  /** Told of every registered model that comes, changes or (undefined) goes. */
  follow(name: string, model: RegisteredModel | undefined): void {
    if (model === undefined) {
      this.#rollouts.delete(name);
      return;
    }
    const weight = model.aliases[CANDIDATE]?.weight ?? 0;
    const known = this.#rollouts.get(name);
    if (known !== undefined) known.weight = weight;
    else {
      const share = new CanaryShare(seedOf(name));
      this.#rollouts.set(name, { weight, share, homes: new SequenceHomes() });
    }
  }

  /** Hot. @throws StatusError like `ModelRepository.resolve` */
  route(wire: WireRequest, call: InferCall): ServedModel<Served> {
    const served = this.#parts.resolve(wire.model, wire.version);
    if (wire.version !== "" || this.#rollouts.size === 0) return served;
    const rollout = this.#rollouts.get(wire.model);
    return rollout === undefined ? served : this.#rolledOut(rollout, served, wire, call);
  }

  #rolledOut(
    rollout: Rollout,
    production: ServedModel<Served>,
    wire: WireRequest,
    call: InferCall,
  ): ServedModel<Served> {
    const { sequence: rules } = production.definition;
    if (rules === undefined) return this.#shared(rollout, production, wire, call);
    const { sequence } = readRequestParameters(wire.parameters);
    if (sequence === undefined) return production;
    const version = rollout.homes.of(
      sequenceKey(sequence.id),
      sequence,
      this.#parts.clock.now(),
      rules.maxIdleMs,
      () => this.#shared(rollout, production, wire, call).definition.version,
    );
    return this.#parts.serving(wire.model, version) ?? production;
  }

  /** Who insists on something gets it from production. */
  #shared(
    { weight, share }: Rollout,
    production: ServedModel<Served>,
    wire: WireRequest,
    call: InferCall,
  ): ServedModel<Served> {
    if (weight <= 0 || parseWish(wire.parameters, call.headers) !== undefined) return production;
    if (!share.takes(weight, wire.bundled)) return production;
    const version = this.#parts.alias(wire.model, CANDIDATE);
    const candidate = version && this.#parts.serving(wire.model, version);
    return candidate && candidate.loaded.trouble === undefined ? candidate : production;
  }
}

/** FNV-1a. */
function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
