/** Requests that insist on an artifact: which version has it, and where none has, why. */
import type { Artifact } from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";
import type { InferCall, WireRequest } from "../inference/request.ts";
import { refuse } from "../policy/routing/refusal.ts";
import type { VariantIdentity } from "../policy/routing/variant-view.ts";
import { type ClientWish, describeWish, fulfils, parseWish } from "../policy/routing/wish.ts";
import { artifactsOf } from "../registry/published/served-artifacts.ts";
import type { ModelDefinition, ServedModel } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";
import type { Resolve } from "./infer-line.ts";

const PARAMETER = "beamgate_digest";
const HEADER = "beamgate-digest";

export interface PinsParts {
  readonly resolve: Resolve;
  /** Every version of a model that serves, the one first that requests without a version get. */
  servingAll(model: string): readonly ServedModel<Served>[];
  /** See `KnownDigests.of`. */
  digestOf(path: string): Promise<string>;
  /** What the registry knows of an artifact that no version serves; undefined: nothing. */
  explain(model: string, version: string, digest: string): StatusError | undefined;
}

export class Pins {
  readonly #parts: PinsParts;
  /** Of artifacts that lie in a model repository: hashed when the first request insists on one. Empty: there is no file. */
  readonly #hashed = new WeakMap<Artifact, string>();

  constructor(parts: PinsParts) {
    this.#parts = parts;
  }

  /**
   * The version whose artifact the request names by its digest; undefined: it names none. Hot.
   * @returns a promise where files must be hashed first: then ask again
   * @throws StatusError FAILED_PRECONDITION saying why it cannot be had, INVALID_ARGUMENT for what is no digest
   */
  find(wire: WireRequest, call: InferCall): ServedModel<Served> | Promise<void> | undefined {
    const asked = wire.parameters?.has(PARAMETER) === true || call.headers?.[HEADER] !== undefined;
    if (!asked) return undefined;
    const wish = parseWish(wire.parameters, call.headers);
    return wish?.digest === undefined ? undefined : this.#having(wire, wish.digest);
  }

  /** @throws StatusError for a model whose one artifact is not what the client insists on */
  require(served: ServedModel<Served>, wish: ClientWish): void {
    const { name } = served.definition;
    if (served.definition.ensemble !== undefined) return;
    const only = this.#identityOf(served);
    if (fulfils(only, wish)) return;
    const view = { ...only, ...COSTS_NOTHING, backend: served.definition.backendKind };
    const { code, message } = refuse([view], wish, served.definition.absent);
    throw new StatusError(code, `model '${name}': ${message}`);
  }

  #having({ model, version }: WireRequest, digest: string): ServedModel<Served> | Promise<void> {
    const explain = () => this.#parts.explain(model, version, digest);
    const candidates = this.#candidates(model, version, explain);
    const found = candidates.find((served) => this.#has(served.definition, digest));
    if (found !== undefined) return found;
    const unknown = candidates.flatMap(({ definition }) =>
      artifactsOf(definition).filter(({ artifact }) => this.#digestOf(artifact) === undefined),
    );
    if (unknown.length > 0) {
      return Promise.all(unknown.map(({ artifact }) => this.#hash(artifact))).then(() => undefined);
    }
    throw explain() ?? this.#notHere(model, digest, candidates);
  }

  #candidates(
    model: string,
    version: string,
    explain: () => StatusError | undefined,
  ): readonly ServedModel<Served>[] {
    if (version === "") {
      const all = this.#parts.servingAll(model);
      if (all.length > 0) return all;
    }
    try {
      return [this.#parts.resolve(model, version)];
    } catch (thrown) {
      // Of an artifact that the registry knows more can be told than that its version does not serve.
      throw explain() ?? thrown;
    }
  }

  #notHere(model: string, digest: string, candidates: readonly ServedModel<Served>[]): StatusError {
    const there = candidates.flatMap(({ definition }) =>
      artifactsOf(definition).map(({ name, artifact }) => {
        return `${name} of version ${definition.version} (${this.#digestOf(artifact) || "no file"})`;
      }),
    );
    return new StatusError(
      "FAILED_PRECONDITION",
      `model '${model}': no artifact of ${describeWish({ digest })} serves, nor was one registered: ` +
        `there ${there.length === 1 ? "is" : "are"} ${there.join(", ")}; ` +
        `ask for one of them, or leave out '${PARAMETER}'`,
    );
  }

  #has(definition: ModelDefinition, digest: string): boolean {
    if (definition.ensemble !== undefined) return false;
    return artifactsOf(definition).some(({ artifact }) => this.#digestOf(artifact) === digest);
  }

  #identityOf({ definition, loaded }: ServedModel<Served>): VariantIdentity {
    const { only, backendKind, artifact, parameters } = definition;
    const device = loaded.instances[0]?.report.device;
    return {
      name: only?.name ?? backendKind,
      vendor: only?.vendor ?? device?.vendor ?? "unknown",
      platform: artifact.platform === "any" ? (device?.platform ?? "any") : artifact.platform,
      numericClass: only?.numericClass ?? (parameters["numeric_class"] || "float32"),
      digest: this.#digestOf(artifact),
    };
  }

  #digestOf(artifact: Artifact): string | undefined {
    return artifact.digest === "" ? this.#hashed.get(artifact) : artifact.digest;
  }

  async #hash(artifact: Artifact): Promise<void> {
    const digest = await this.#parts.digestOf(artifact.path).catch(() => "");
    this.#hashed.set(artifact, digest);
  }
}

/** What the choice between variants would look at, where there is no choice. */
const COSTS_NOTHING = {
  ready: true,
  allowed: true,
  fixedMs: 0,
  msPerRow: 0,
  queuedRows: 0,
  inFlightRows: 0,
  instances: 1,
};
