/**
 * The registry of a gateway: the catalog, the registration of artifacts, the gate, and what of it serves
 * here. A change is acknowledged when this gateway follows it.
 */
import { StatusError } from "../../errors.ts";
import { dropAlias, rollbackAlias, setAlias } from "./alias-transitions.ts";
import {
  checkModelRemovable,
  pin,
  removeArtifact,
  retire,
  setState,
} from "./artifact-transitions.ts";
import type { Catalog } from "./catalog.ts";
import type { ChangeAction } from "./change-note.ts";
import {
  type ArtifactRef,
  aliasesTo,
  aliasOf,
  type FoundArtifact,
  findArtifacts,
  serves,
  versionOf,
} from "./find.ts";
import type {
  ArtifactName,
  ModelRegistry,
  Registration,
  RegistrationEvent,
  RegistrationReport,
  Since,
} from "./registry.ts";
import { beyondRetention } from "./retention.ts";
import type {
  ArtifactState,
  AuditEntry,
  CatalogModel,
  CheckResult,
  Digest,
  SignedVerdict,
} from "./types.ts";

type Tell = (event: RegistrationEvent) => void;

type Change = [
  name: string,
  generation: number | undefined,
  who: string,
  action: ChangeAction,
  next: (model: CatalogModel) => CatalogModel | undefined,
];

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
    ref: ArtifactRef,
    who: string,
    tell: Tell,
    signal: AbortSignal,
  ): Promise<SignedVerdict>;
}

/** What of the catalog serves in this gateway. */
export interface Publication {
  /** Resolves when the gateway serves what the catalog says, or has a reason why not. */
  follow(names: readonly string[]): Promise<void>;
  /** Why a version does not serve here; undefined: it does. */
  trouble(name: string, version: string): string | undefined;
  /** Follows, and resolves when requests for the alias go to its version. @throws StatusError FAILED_PRECONDITION, ABORTED: they do not */
  promoted(name: string, alias: string, version: string): Promise<void>;
  /**
   * Follows, and resolves when the last request with the artifact was answered and no other can reach it.
   * @throws StatusError UNAVAILABLE where that takes too long
   */
  retired(name: string, version: string, digest?: Digest): Promise<void>;
  /** Something of a version was taken out of service, and still answers its last requests. */
  leaving(name: string, version: string): boolean;
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
    await this.#parts.catalog.refresh();
    const found = onlyOne(this.#model(named.name), named, ALIVE);
    return this.#parts.registrations.verify(named.name, found, who, tell, signal);
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
    await catalog.refresh();
    const next = (model: CatalogModel) => setAlias(model, { ...alias, at: date(), by: who });
    next(this.#model(name)); // says what is wrong before anything is waited for
    await publication.follow([name]);
    const trouble = publication.trouble(name, alias.version);
    if (trouble !== undefined) {
      const text = `version ${alias.version} of model '${name}' does not serve here: ${trouble}`;
      throw new StatusError("FAILED_PRECONDITION", `${text}; alias '${alias.alias}' stays`);
    }
    const action = { action: "promote", version: alias.version, details: { ...alias } };
    const changed = await this.#commit(name, generation, who, action, next);
    await publication.promoted(name, alias.alias, alias.version);
    return changed;
  }

  async rollback(
    name: string,
    { alias, generation }: { readonly alias: string } & Since,
    who: string,
  ) {
    const action = { action: "rollback", details: { alias } };
    await this.#change(name, generation, who, action, (model) => rollbackAlias(model, alias));
    const to = aliasOf(this.#model(name), alias);
    if (to !== undefined) return to;
    throw new StatusError("ABORTED", `alias '${alias}' of model '${name}' was dropped meanwhile`);
  }

  dropAlias(name: string, { alias, generation }: { readonly alias: string } & Since, who: string) {
    const action = { action: "drop-alias", details: { alias } };
    return this.#change(name, generation, who, action, (model) =>
      dropAlias(model, { alias, at: this.#parts.date(), by: who }),
    );
  }

  pin(named: ArtifactName & Since, pinned: { readonly note: string } | undefined, who: string) {
    const words = {
      action: pinned === undefined ? "unpin" : "pin",
      ...(pinned && { details: pinned }),
    };
    const mark = pinned && { by: who, at: this.#parts.date(), note: pinned.note };
    return this.#changeArtifacts(named, words, who, (model) =>
      pin(model, onlyOne(model, named, ["ready", "verified"]), mark),
    );
  }

  async retire(named: ArtifactName & Since, reason: string, who: string): Promise<number> {
    const { publication } = this.#parts;
    const text = reason || `retired by ${who}`;
    const words = { action: "retire", details: { reason: text } };
    let gone: readonly FoundArtifact[] = [];
    const action = aboutArtifacts(named, words);
    const generation = await this.#commit(named.name, named.generation, who, action, (model) => {
      const found = findArtifacts(model, named);
      gone = found.filter(({ artifact }) => isAlive(artifact.state));
      if (gone.length > 0) return gone.reduce((next, each) => retire(next, each, text), model);
      // It was waited for before, and is waited for again.
      gone = found.filter(
        ({ version, artifact: { state } }) =>
          state === "retired" && publication.leaving(named.name, version),
      );
      if (gone.length > 0) return model;
      throw new StatusError(
        "FAILED_PRECONDITION",
        `nothing of model '${named.name}' that is named is in use: there is nothing to retire`,
      );
    });
    await Promise.all(
      gone.map(({ version, digest }) => publication.retired(named.name, version, digest)),
    );
    await this.#forget(named.name);
    return generation;
  }

  /** Out of service at once, whoever points at it; `who` is the part of the gateway that found it wrong. */
  demote(name: string, version: string, digest: Digest, reason: string, who: string) {
    const words = { action: "demote", version, artifact: digest, details: { reason } };
    return this.#change(name, undefined, who, words, (model) => {
      const next = setState(model, { version, digest, state: "refused", reason });
      if (serves(versionOf(next, version))) return next;
      // `production` stays, so that its requests are told why; what else points there is dropped.
      const at = this.#parts.date();
      return aliasesTo(next, version)
        .filter((alias) => alias !== "production")
        .reduce((left, alias) => dropAlias(left, { alias, at, by: who }), next);
    });
  }

  remove(named: ArtifactName & Since, who: string): Promise<number> {
    return this.#changeArtifacts(named, { action: "remove" }, who, (model) => {
      const { version, vendor, digest } = named;
      if (version === undefined && vendor === undefined && digest === undefined) {
        checkModelRemovable(model);
        return undefined;
      }
      return findArtifacts(model, named).reduce<CatalogModel | undefined>(
        (next, each) => next && removeArtifact(next, each),
        model,
      );
    });
  }

  audit(limit: number, matches?: (entry: AuditEntry) => boolean) {
    return this.#parts.catalog.audit(limit, matches);
  }

  /** What is retired for longer than it is kept. */
  async #forget(name: string): Promise<void> {
    const { catalog, keepRetired } = this.#parts;
    const going = (model: CatalogModel) => beyondRetention(model, () => keepRetired);
    const model = catalog.get(name)?.model;
    if (model === undefined || going(model).length === 0) return;
    await catalog.change(name, undefined, "retention", { action: "remove" }, (now) =>
      (now ? going(now) : []).reduce((next, each) => next && removeArtifact(next, each), now),
    );
  }

  #changeArtifacts(
    named: ArtifactName & Since,
    words: ChangeAction,
    who: string,
    next: (model: CatalogModel) => CatalogModel | undefined,
  ): Promise<number> {
    return this.#change(named.name, named.generation, who, aboutArtifacts(named, words), next);
  }

  /** Acknowledged when this gateway follows it. */
  async #change(...change: Change): Promise<number> {
    const generation = await this.#commit(...change);
    const [name] = change;
    await this.#parts.publication.follow([name]);
    return generation;
  }

  async #commit(...[name, generation, who, action, next]: Change): Promise<number> {
    const { catalog } = this.#parts;
    // Another gateway may have been told of the model a moment ago.
    await catalog.refresh();
    const changed = await catalog.change(name, generation, who, action, (model) =>
      next(model ?? this.#model(name)),
    );
    return changed.generation;
  }

  /** @throws StatusError NOT_FOUND */
  #model(name: string): CatalogModel {
    const found = this.#parts.catalog.get(name);
    if (found !== undefined) return found.model;
    const names = this.#parts.catalog.snapshot().models.map(({ model }) => model.name);
    const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
    const known = `${names.slice(0, MOST_NAMES).join(", ") || "none"}${more}`;
    throw new StatusError("NOT_FOUND", `the registry has no model '${name}'; there are ${known}`);
  }
}

function aboutArtifacts({ version, digest, vendor }: ArtifactName, words: ChangeAction) {
  return {
    ...words,
    ...(version === undefined ? {} : { version }),
    ...(digest === undefined ? {} : { artifact: digest }),
    details: { ...words.details, ...(vendor === undefined ? {} : { vendor }) },
  };
}

/** In an error that lists them. */
const MOST_NAMES = 8;
const ALIVE: readonly ArtifactState[] = ["uploaded", "validated", "verified", "ready"];
const isAlive = (state: ArtifactState) => ALIVE.includes(state);

/**
 * The one that is meant, of those in one of these states where there is a choice.
 * @throws StatusError NOT_FOUND; INVALID_ARGUMENT listing those that fit
 */
function onlyOne(
  model: CatalogModel,
  named: ArtifactName,
  states: readonly ArtifactState[],
): FoundArtifact {
  const fitting = findArtifacts(model, named);
  const chosen = fitting.filter(({ artifact }) => states.includes(artifact.state));
  const [first, ...others] = chosen.length > 0 ? chosen : fitting;
  if (first !== undefined && others.length === 0) return first;
  const list = (chosen.length > 0 ? chosen : fitting)
    .map(({ version, artifact }) => `${version}@${artifact.variant} (${artifact.digest})`)
    .join(", ");
  const remedy = "name the version, and the vendor or the digest";
  throw new StatusError("INVALID_ARGUMENT", `several artifacts fit: ${list}; ${remedy}`);
}
