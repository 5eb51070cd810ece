/**
 * Which live requests are computed once more, and by what: an alias of a registered model with a `shadowShare`
 * names a version whose artifacts get that share of the requests that `production` answered. Where it is the
 * version of `production` itself, an artifact gets what another one answered.
 */
import type { Clock } from "../../clock.ts";
import { toStatusError } from "../../errors.ts";
import type { InferCall, InferRequest, InferResponse } from "../../inference/request.ts";
import type { Logger } from "../../logger.ts";
import type { CatalogModel, Digest } from "../../registry/catalog/types.ts";
import type { RegisteredModel } from "../../registry/published/registered-model.ts";
import type { ModelDefinition, ServedModel, VariantDefinition } from "../../registry/types.ts";
import type { Served } from "../../scheduling/served.ts";
import { canBeSampled, sampleBytes, takeSample } from "../../scheduling/shadow/sample.ts";
import { ShadowBudget } from "../../scheduling/shadow/shadow-budget.ts";
import { ShadowCounters } from "../../scheduling/shadow/shadow-counters.ts";
import { type ShadowDevice, ShadowTarget } from "../../scheduling/shadow/shadow-target.ts";
import { ShadowedCall } from "../../scheduling/shadow/shadowed-call.ts";
import type { Fleet } from "../../workers/types.ts";
import { loadRequest } from "../load-instances.ts";
import { judgementOf } from "./judgement.ts";
import { IdleDevices, OwnCores } from "./shadow-devices.ts";

export interface ShadowsParts {
  readonly settings: { readonly minSamples: number; readonly queueRows: number };
  readonly repository: () => {
    serving(name: string, version: string): ServedModel<Served> | undefined;
    alias(name: string, alias: string): string | undefined;
    served(): readonly ServedModel<Served>[];
  };
  catalogModel(name: string): CatalogModel | undefined;
  readonly fleet: Fleet;
  /** See `LoaderParts.threads`. */
  readonly threads: number;
  /** Of this host. */
  readonly cores: number;
  /** True where a backend's artifacts are loaded on devices, and not on cores. */
  onDevices(backendKind: string): Promise<boolean>;
  /** Takes an artifact out of service. */
  demote(artifact: DemotedArtifact, reason: string): Promise<void>;
  /** From 0 up to 1. */
  random(): number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface DemotedArtifact {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  readonly digest: Digest;
}

/** All samples that wait. */
const MOST_BYTES = 64 * 2 ** 20;
const PRODUCTION = "production";

interface Plan {
  readonly live: ServedModel<Served>;
  readonly shadow: ServedModel<Served>;
  readonly share: number;
}

interface Tap extends Plan {
  readonly targets: readonly ShadowTarget[];
  /** Whose turn it is. */
  turn: number;
}

export class Shadows {
  readonly #parts: ShadowsParts;
  readonly #budget: ShadowBudget;
  /** By model: what the catalog says. */
  readonly #wishes = new Map<string, { readonly version: string; readonly share: number }>();
  readonly #taps = new Map<Served, Tap>();
  readonly #byModel = new Map<string, Tap>();
  readonly #counters = new Map<string, ShadowCounters>();
  /** By model: changes follow each other. */
  readonly #turns = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(parts: ShadowsParts) {
    this.#parts = parts;
    this.#budget = new ShadowBudget(parts.settings.queueRows, MOST_BYTES);
  }

  /** Of every artifact that ever was a shadow. */
  counters(): Iterable<ShadowCounters> {
    return this.#counters.values();
  }

  /** Told of every registered model that comes, changes or (undefined) goes. */
  follow(name: string, model: RegisteredModel | undefined): void {
    const wish = Object.entries(model?.aliases ?? {}).find(
      ([alias, { shadowShare = 0 }]) => alias !== PRODUCTION && shadowShare > 0,
    );
    if (wish === undefined) this.#wishes.delete(name);
    else {
      const [, { version, shadowShare: share = 0 }] = wish;
      this.#wishes.set(name, { version, share });
    }
    this.changed(name);
  }

  /** A version of the model came into service, or went. */
  changed(name: string): void {
    if (!this.#wishes.has(name) && !this.#byModel.has(name)) return;
    const before = this.#turns.get(name) ?? Promise.resolve();
    const turn = before.then(() => this.#sync(name));
    this.#turns.set(name, turn);
    void turn.then(() => {
      if (this.#turns.get(name) === turn) this.#turns.delete(name);
    });
  }

  /** Hot. @returns the call itself for nearly every request */
  readonly watch = (
    served: ServedModel<Served>,
    request: InferRequest,
    call: InferCall,
  ): InferCall => {
    if (this.#taps.size === 0) return call;
    const tap = this.#taps.get(served.loaded);
    if (tap === undefined || this.#parts.random() >= tap.share || !canBeSampled(request)) {
      return call;
    }
    return new ShadowedCall(call, (response) => this.#answered(tap, request, response));
  };

  /** What runs is waited for; workers are ended by their fleet. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wishes.clear();
    for (const name of this.#byModel.keys()) this.changed(name);
    await Promise.all(this.#turns.values());
  }

  /** The client has its answer. */
  #answered(tap: Tap, request: InferRequest, response: InferResponse): void {
    const target = nextTarget(tap, response.variant);
    if (target === undefined) return;
    const { clock } = this.#parts;
    const started = clock.now();
    // What would be dropped need not be copied.
    if (this.#budget.hasRoom(request.rows, sampleBytes(request))) {
      target.offer(takeSample(request, response));
    } else target.counters.droppedRows += request.rows;
    target.counters.gatewayUs += (clock.now() - started) * 1000;
  }

  /** Never rejects. */
  async #sync(name: string): Promise<void> {
    const plan = this.#plan(name);
    const now = this.#byModel.get(name);
    if (plan !== undefined && now !== undefined && isSame(plan, now)) return;
    if (now !== undefined) {
      this.#taps.delete(now.live.loaded);
      this.#byModel.delete(name);
      await Promise.allSettled(now.targets.map((target) => target.close()));
    }
    if (plan === undefined) return;
    const targets = await this.#targets(name, plan);
    const tap: Tap = { ...plan, targets, turn: 0 };
    this.#byModel.set(name, tap);
    // It may have changed while instances were loaded: then this turn is followed by another.
    this.#taps.set(plan.live.loaded, tap);
  }

  #plan(name: string): Plan | undefined {
    const wish = this.#wishes.get(name);
    if (wish === undefined) return undefined;
    const repository = this.#parts.repository();
    const production = repository.alias(name, PRODUCTION);
    const live = production === undefined ? undefined : repository.serving(name, production);
    const shadow = repository.serving(name, wish.version);
    return live && shadow && { live, shadow, share: wish.share };
  }

  async #targets(name: string, plan: Plan): Promise<readonly ShadowTarget[]> {
    const { definition } = plan.shadow;
    const reason = whyNot(plan);
    if (reason !== undefined) {
      this.#parts.log.warn(
        `model '${name}' is not shadowed by version ${definition.version}: ${reason}`,
      );
      return [];
    }
    const made = variantsOf(definition).map(async (variant) => {
      try {
        return await this.#target(plan, variant);
      } catch (thrown) {
        if (this.#closing.signal.aborted) return undefined;
        const { message } = toStatusError(thrown);
        const what = `variant '${variant.name}' of model '${name}' version ${definition.version}`;
        this.#parts.log.warn(`${what} computes no live requests once more: ${message}`);
        return undefined;
      }
    });
    return (await Promise.all(made)).filter((target) => target !== undefined);
  }

  async #target(plan: Plan, variant: VariantDefinition): Promise<ShadowTarget | undefined> {
    const { definition } = plan.shadow;
    const { name: model, version, signature } = definition;
    const catalog = this.#parts.catalogModel(model);
    const judgement = catalog && judgementOf(catalog, plan, variant);
    if (judgement === undefined) return undefined;
    const { settings, clock, log, demote } = this.#parts;
    const { digest } = variant.artifact;
    return new ShadowTarget({
      name: variant.name,
      device: await this.#device(plan.shadow, variant),
      ...judgement,
      outputs: signature.outputs,
      minRows: settings.minSamples,
      budget: this.#budget,
      counters: this.#countersOf(model, version, variant.name),
      demote: (reason) => demote({ model, version, variant: variant.name, digest }, reason),
      clock,
      log,
    });
  }

  async #device(
    { definition, loaded }: ServedModel<Served>,
    variant: VariantDefinition,
  ): Promise<ShadowDevice> {
    const { fleet, clock } = this.#parts;
    const pool = loaded.poolOf?.(variant.name);
    if (pool !== undefined && (await this.#parts.onDevices(variant.backendKind))) {
      return new IdleDevices(definition, pool, (id) => this.#isIdle(id));
    }
    const request = loadRequest(this.#parts, definition, variant, "cpu");
    const signal = this.#closing.signal;
    const instance = await fleet.load({ ...request, worker: "shadow" }, signal);
    return new OwnCores(definition, instance, clock, () => this.#coresIdle());
  }

  #isIdle(device: string): boolean {
    return this.#parts
      .repository()
      .served()
      .every(
        ({ loaded }) =>
          loaded.inFlight === 0 ||
          loaded.instances.every(({ report }) => report.device.id !== device),
      );
  }

  /** A core is for the gateway, and every request in flight is thought to need one. */
  #coresIdle(): boolean {
    let inFlight = 0;
    for (const { loaded } of this.#parts.repository().served()) inFlight += loaded.inFlight;
    return inFlight < Math.max(1, this.#parts.cores - 1);
  }

  #countersOf(model: string, version: string, variant: string): ShadowCounters {
    const key = JSON.stringify([model, version, variant]);
    const counters = this.#counters.get(key) ?? new ShadowCounters(model, version, variant);
    this.#counters.set(key, counters);
    return counters;
  }
}

/** Artifacts take turns. @param answeredBy the variant that computed the live answer */
function nextTarget(tap: Tap, answeredBy: string | undefined): ShadowTarget | undefined {
  const { targets, live, shadow } = tap;
  const withinVersion = live.loaded === shadow.loaded;
  for (let tries = 0; tries < targets.length; tries++) {
    const target = targets[tap.turn % targets.length];
    tap.turn = (tap.turn + 1) % targets.length;
    if (target?.open && !(withinVersion && target.name === answeredBy)) return target;
  }
  return undefined;
}

const isSame = (a: Plan, b: Plan) =>
  a.live.loaded === b.live.loaded && a.shadow.loaded === b.shadow.loaded && a.share === b.share;

/** Those that are registered. */
const variantsOf = ({ variants, only }: ModelDefinition): readonly VariantDefinition[] =>
  variants ?? (only === undefined ? [] : [only]);

/** Requests whose answers cannot be had once more from the request alone. */
function whyNot({ live, shadow }: Plan): string | undefined {
  for (const { definition } of [live, shadow]) {
    if (definition.sequence !== undefined)
      return "an answer of a sequence depends on what came before";
    if (definition.signature.decoupled) return "a decoupled model has any number of answers";
  }
  if (live.loaded === shadow.loaded && variantsOf(shadow.definition).length < 2) {
    return "it is what answers, and has no other artifact";
  }
  return undefined;
}
