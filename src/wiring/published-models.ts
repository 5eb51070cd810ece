/** The registry's models in this gateway: what of them serves, since when something does not, and why. */
import { StatusError } from "../errors.ts";
import { aliasOf } from "../registry/catalog/find.ts";
import type { Publication } from "../registry/catalog/managed-registry.ts";
import type { CatalogArtifact } from "../registry/catalog/types.ts";
import {
  PublishedModels,
  type PublishedModelsParts,
} from "../registry/published/published-models.ts";
import { artifactsOf } from "../registry/published/served-artifacts.ts";
import type { ModelRepository } from "../registry/repository.ts";
import type { Served } from "../scheduling/served.ts";

/** Of the repository, which is built after this: it finds the models here. */
export type ServingRepository = Pick<
  ModelRepository<Served>,
  "followRegistered" | "released" | "leaving" | "state" | "serving" | "servingAll" | "alias"
>;

export interface RegistryServingParts extends Omit<PublishedModelsParts, "followed" | "inUse"> {
  repository(): ServingRepository;
  /** How long the last requests of what was retired are waited for, ms. */
  readonly retireWaitMs: number;
}

export class RegistryServing implements Publication {
  /** Started before the repository, stopped after it. */
  readonly models: PublishedModels;
  readonly #parts: RegistryServingParts;

  constructor(parts: RegistryServingParts) {
    this.#parts = parts;
    this.models = new PublishedModels({
      ...parts,
      followed: (names) => parts.repository().followRegistered(names),
      inUse: async (name) => {
        await parts.repository().released(name);
        return parts
          .repository()
          .servingAll(name)
          .flatMap(({ definition }) =>
            artifactsOf(definition).map(({ artifact }) => artifact.path),
          );
      },
    });
  }

  /** Resolves when every version of these models serves as the catalog says, or has failed. Never rejects. */
  follow(names: readonly string[]): Promise<void> {
    return this.models.follow(names);
  }

  /**
   * Resolves when requests for the alias go to its version.
   * @throws StatusError FAILED_PRECONDITION saying why they do not; ABORTED where somebody else has moved it on
   */
  async promoted(name: string, alias: string, version: string): Promise<void> {
    await this.follow([name]);
    if (this.#parts.repository().alias(name, alias) !== version) {
      const model = this.models.catalogModel(name);
      const now = model && aliasOf(model, alias)?.version;
      if (now !== version) throw overtaken(name, alias, now);
      throw this.#failed(name, version, `${alias} stays where it was`);
    }
    if (this.#parts.repository().serving(name, version) !== undefined) return;
    throw this.#failed(name, version, `requests for ${alias} are refused`);
  }

  /**
   * Resolves when the last request with the version, or with one artifact of it, was answered and no other can
   * reach it. The catalog says so already.
   * @throws StatusError FAILED_PRECONDITION where the catalog does not; UNAVAILABLE where it still answers some
   *   after `retireWaitMs`, such as long streams
   */
  async retired(name: string, version: string, digest?: string): Promise<void> {
    await this.follow([name]);
    const served = this.#parts.repository().serving(name, version);
    const artifacts = served === undefined ? [] : artifactsOf(served.definition);
    if (artifacts.some(({ artifact }) => digest === undefined || artifact.digest === digest)) {
      const what = digest === undefined ? "artifacts that are ready" : `artifact ${digest}, ready`;
      throw new StatusError(
        "FAILED_PRECONDITION",
        `version ${version} of model '${name}' still has ${what}: it serves on`,
      );
    }
    if (await this.#isReleased(name, version)) return;
    const seconds = this.#parts.retireWaitMs / 1000;
    throw new StatusError(
      "UNAVAILABLE",
      `version ${version} of model '${name}' is retired and gets no new requests, but still answers some that it had ` +
        `${seconds} s ago (server.exitTimeoutSecs): it is gone when they end, retire it again to wait for that`,
    );
  }

  /** It was taken out of service, and still answers its last requests. */
  leaving(name: string, version: string): boolean {
    return this.#parts.repository().leaving(name, version);
  }

  /** Why an artifact does not serve here; undefined: it does. */
  whyNotServing(name: string, version: string, variant: string): string | undefined {
    const before = this.models.whyNotPublished(name, version, variant);
    if (before !== undefined) return before;
    const served = this.#parts.repository().serving(name, version);
    if (served === undefined) return this.#whyNot(name, version);
    const absent = [...(served.loaded.absent ?? []), ...(served.definition.absent ?? [])];
    const left = absent.find((each) => each.name === variant);
    if (left !== undefined) return left.reason;
    const published = this.models.find(name)?.versions.find((each) => each.version === version);
    const wanted = published?.artifacts.find((each) => each.name === variant)?.artifact.digest;
    const serves = artifactsOf(served.definition).some(
      ({ artifact }) => artifact.digest === wanted,
    );
    return serves ? undefined : this.#parts.repository().state(name, version)?.reason || LOADING;
  }

  /** Why a version does not serve here; undefined: it does. */
  trouble(name: string, version: string): string | undefined {
    const served = this.#parts.repository().serving(name, version);
    if (served !== undefined) return served.loaded.trouble;
    const variants = this.models.catalogModel(name)?.versions[version]?.artifacts ?? [];
    const reasons = variants.map(({ variant }) => {
      return `${variant}: ${this.whyNotServing(name, version, variant) ?? LOADING}`;
    });
    return reasons.join("; ") || "it has no artifact";
  }

  /** What a client is told that insists on an artifact that no version serves; undefined: it is not registered. */
  explain(name: string, version: string, digest: string): StatusError | undefined {
    const model = this.models.catalogModel(name);
    const asked = this.#parts.repository().alias(name, version) ?? version;
    const known = Object.values(model?.versions ?? {}).flatMap((each) =>
      each.artifacts
        .filter((artifact) => artifact.digest === digest)
        .map((artifact) => ({ version: each.version, artifact })),
    );
    const [first] = known;
    const found = known.find((each) => each.version === asked) ?? first;
    if (found === undefined) return undefined;
    const { artifact } = found;
    const what = `artifact ${digest} of model '${name}' version ${found.version} (vendor ${artifact.vendor})`;
    if (asked !== "" && asked !== found.version) {
      return refused(
        `${what} is not of version ${asked}: leave the version out, or name ${found.version}`,
      );
    }
    if (artifact.state !== "ready") return refused(`${what} is ${describeState(artifact)}`);
    const why = this.whyNotServing(name, found.version, artifact.variant);
    if (why === LOADING) {
      return new StatusError(
        "UNAVAILABLE",
        `${what} is being loaded; send the request again later`,
      );
    }
    return refused(
      `${what} is ready, but does not serve here: ${why ?? "its version is being replaced"}`,
    );
  }

  /** Within the time for it. */
  #isReleased(name: string, version: string): Promise<boolean> {
    const { clock, retireWaitMs, repository } = this.#parts;
    return new Promise((resolve) => {
      const cancel = clock.after(retireWaitMs, () => resolve(false));
      void repository()
        .released(name, version)
        .then(() => {
          cancel();
          resolve(true);
        });
    });
  }

  #whyNot(name: string, version: string): string {
    const { state = "LOADING", reason = "" } = this.#parts.repository().state(name, version) ?? {};
    return reason || (state === "LOADING" ? LOADING : `version ${version} is ${state}`);
  }

  #failed(name: string, version: string, consequence: string): StatusError {
    const variants = this.models.catalogModel(name)?.versions[version]?.artifacts ?? [];
    const reasons = variants.map(({ variant }) => {
      return `${variant}: ${this.whyNotServing(name, version, variant) ?? LOADING}`;
    });
    const why = reasons.join("; ") || "it has no artifact";
    const text = `version ${version} of model '${name}' does not serve here (${why}): ${consequence}`;
    return refused(text);
  }
}

const LOADING = "it is being loaded";

function overtaken(name: string, alias: string, now: string | undefined): StatusError {
  const what = now === undefined ? "dropped" : `moved to version ${now}`;
  const text = `alias '${alias}' of model '${name}' was ${what} by somebody else meanwhile`;
  return new StatusError("ABORTED", `${text}: look at what they did, then promote again`);
}

function describeState({ state, reason = "" }: CatalogArtifact): string {
  return reason === "" ? `${state} and does not serve` : `${state} and does not serve: ${reason}`;
}

const refused = (message: string) => new StatusError("FAILED_PRECONDITION", message);
