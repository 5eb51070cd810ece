/**
 * The registry of a gateway: the catalog, the registration of artifacts, the gate, and what of it serves
 * here. A change is acknowledged when this gateway follows it.
 */
import { StatusError } from "../../errors.ts";
import type { Catalog, Change } from "./catalog.ts";
import { artifactOf, artifactsOf } from "./find-artifact.ts";
import type {
  ArtifactName,
  ModelRegistry,
  Registration,
  RegistrationEvent,
  RegistrationReport,
  Since,
} from "./registry.ts";
import {
  demoted,
  overdue,
  removed,
  retired,
  rolledBack,
  withAlias,
  withoutAlias,
  withPin,
} from "./transitions.ts";
import type { AuditEntry, CatalogModel, CheckResult, Digest, SignedVerdict } from "./types.ts";

type Tell = (event: RegistrationEvent) => void;

/** The way of an artifact into the catalog. */
export interface Registrations {
  register(
    registration: Registration,
    who: string,
    tell: Tell,
    signal: AbortSignal,
  ): Promise<RegistrationReport>;
  dryRun(registration: Partial<Registration>, who: string): Promise<readonly CheckResult[]>;
  /** The gate once more for what is registered. */
  verify(
    name: string,
    version: string,
    digest: Digest,
    who: string,
    tell: Tell,
    signal: AbortSignal,
  ): Promise<SignedVerdict>;
}

/** What of the catalog serves in this gateway. */
export interface Publication {
  /** Resolves when the gateway serves what the catalog says, or has a reason why not. */
  follow(name: string): Promise<void>;
  /** Why a version that is ready does not serve here; undefined: it does. */
  trouble(name: string, version: string): string | undefined;
}

export interface ManagedRegistryParts {
  readonly catalog: Catalog;
  readonly registrations: Registrations;
  readonly publication: Publication;
  readVerdict(digest: Digest): Promise<SignedVerdict>;
  /** Retired versions of a model that are kept. */
  readonly keepRetired: number;
  /** Now, as ISO 8601. */
  date(): string;
}

export class ManagedRegistry implements ModelRegistry {
  readonly #parts: ManagedRegistryParts;

  constructor(parts: ManagedRegistryParts) {
    this.#parts = parts;
  }

  snapshot() {
    return this.#parts.catalog.snapshot();
  }

  register(registration: Registration, who: string, tell: Tell, signal: AbortSignal) {
    return this.#parts.registrations.register(registration, who, tell, signal);
  }

  dryRun(registration: Partial<Registration>, who: string) {
    return this.#parts.registrations.dryRun(registration, who);
  }

  async verify(named: ArtifactName, who: string, tell: Tell, signal: AbortSignal) {
    const { catalog, registrations } = this.#parts;
    const { version, artifact } = artifactOf(catalog.get(named.name), named);
    const { name } = named;
    return registrations.verify(name, version.version, artifact.digest, who, tell, signal);
  }

  verdict(digest: Digest) {
    return this.#parts.readVerdict(digest);
  }

  async promote(
    name: string,
    change: Parameters<ModelRegistry["promote"]>[1],
    who: string,
  ): Promise<number> {
    const { catalog, publication, date } = this.#parts;
    const { generation, ...alias } = change;
    withAlias(catalog.get(name), alias, who, date()); // says what is wrong before anything is waited for
    await publication.follow(name);
    const trouble = publication.trouble(name, alias.version);
    if (trouble !== undefined) {
      const text = `version ${alias.version} of model '${name}' does not serve here: ${trouble}`;
      throw new StatusError("FAILED_PRECONDITION", `${text}; alias '${alias.alias}' stays`);
    }
    const about = { version: alias.version, details: alias };
    return this.#change(name, { who, action: "promote", generation, about }, (model) =>
      withAlias(model, alias, who, date()),
    );
  }

  async rollback(name: string, change: { readonly alias: string } & Since, who: string) {
    const { alias, generation } = change;
    const about = { details: { alias } };
    await this.#change(
      name,
      { who, action: "rollback", generation, about },
      (model) => rolledBack(model, alias).model,
    );
    const to = this.#parts.catalog.get(name).aliases[alias];
    if (to !== undefined) return to;
    throw new StatusError("ABORTED", `alias '${alias}' of model '${name}' was dropped meanwhile`);
  }

  dropAlias(name: string, { alias, generation }: { readonly alias: string } & Since, who: string) {
    const about = { details: { alias } };
    return this.#change(name, { who, action: "drop-alias", generation, about }, (model) =>
      withoutAlias(model, alias),
    );
  }

  pin(named: ArtifactName & Since, pinned: { readonly note: string } | undefined, who: string) {
    const action = pinned === undefined ? "unpin" : "pin";
    const pin = pinned && { by: who, at: this.#parts.date(), note: pinned.note };
    return this.#changeArtifact(named, action, who, pinned, (model) => withPin(model, named, pin));
  }

  async retire(named: ArtifactName & Since, reason: string, who: string): Promise<number> {
    const text = reason || `retired by ${who}`;
    const generation = await this.#changeArtifact(named, "retire", who, { reason }, (model) =>
      retired(model, named, text),
    );
    await this.#forgetOverdue(named.name);
    return generation;
  }

  /** Out of service at once, whoever points at it; `who` is the part of the gateway that found it wrong. */
  demote(name: string, version: string, digest: Digest, reason: string, who: string) {
    const about = { version, artifact: digest, details: { reason } };
    return this.#change(name, { who, action: "demote", about }, (model) =>
      demoted(model, version, digest, reason),
    );
  }

  remove(named: ArtifactName & Since, who: string): Promise<number> {
    return this.#changeArtifact(named, "remove", who, undefined, (model) => {
      artifactsOf(model, named);
      return removed(model, named);
    });
  }

  audit(limit: number, matches?: (entry: AuditEntry) => boolean) {
    return this.#parts.catalog.audit(limit, matches);
  }

  async #forgetOverdue(name: string): Promise<void> {
    const { catalog, keepRetired } = this.#parts;
    const model = catalog.find(name);
    for (const version of model ? overdue(model, keepRetired) : []) {
      await this.remove({ name, version }, "retention");
    }
  }

  #changeArtifact(
    named: ArtifactName & Since,
    action: string,
    who: string,
    details: object | undefined,
    next: (model: CatalogModel) => CatalogModel | undefined,
  ): Promise<number> {
    const { name, version, digest, vendor, generation } = named;
    const about = {
      ...(version === undefined ? {} : { version }),
      ...(digest === undefined ? {} : { artifact: digest }),
      details: { ...(vendor === undefined ? {} : { vendor }), ...details },
    };
    return this.#change(name, { who, action, generation, about }, next);
  }

  async #change(
    name: string,
    change: Change,
    next: (model: CatalogModel) => CatalogModel | undefined,
  ): Promise<number> {
    const { catalog, publication } = this.#parts;
    const generation = await catalog.change(name, change, (model) =>
      next(model ?? catalog.get(name)),
    );
    await publication.follow(name);
    return generation;
  }
}
