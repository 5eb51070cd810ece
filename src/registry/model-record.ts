/** What the repository knows of one model: its versions, their states, and which of them serve. */
import { StatusError } from "../errors.ts";
import type { IndexEntry, ServedModel } from "./types.ts";

export type VersionState = "READY" | "UNAVAILABLE" | "LOADING" | "UNLOADING";

/** Reason of a version that was taken away on purpose: it does not count as a failure. */
export const UNLOADED = "unloaded";

export interface VersionRecord<L> {
  readonly version: string;
  state: VersionState;
  reason: string;
  /** What serves now; kept while a newer definition of the same version is being loaded. */
  served: ServedModel<L> | undefined;
  /** Of the files that `served` was made from. */
  fingerprint: string;
  /** What was taken out of service and still answers its last requests. */
  leaving: number;
}

/** What a version serves from now on. */
export interface Serving<L> {
  readonly served: ServedModel<L> | undefined;
  readonly fingerprint: string;
}

export const NOTHING: Serving<never> = { served: undefined, fingerprint: "" };

/** The alias that requests without a version follow. */
export const PRODUCTION = "production";

interface AliasTarget {
  readonly wanted: string;
  now: string;
}

export class ModelRecord<L> {
  readonly name: string;
  /** It was taken off the disk, and leaves. */
  removed = false;
  /** More than one: a conflict between roots. */
  folders: readonly string[];
  /** Of the files at the last attempt to load; empty before. */
  fingerprint = "";
  /** Why there is no version at all, or why the last reload failed. */
  reason = "";
  /** False for a model that nobody asked to load (explicit mode). */
  attempted = false;
  /** It comes from the registry of models, not from a root. */
  registered = false;
  /** A client or the operator asked for it by name; false where an ensemble brought it along. */
  asked = false;
  readonly #versions = new Map<string, VersionRecord<L>>();
  /** Where each alias leads. */
  readonly #aliases = new Map<string, AliasTarget>();
  #latest: ServedModel<L> | undefined;

  constructor(name: string, folders: readonly string[]) {
    this.name = name;
    this.folders = folders;
  }

  /** What `production` stands for, else the newest ready version. Hot: read for every request that names none. */
  get latest(): ServedModel<L> | undefined {
    return this.#latest;
  }

  get versions(): IterableIterator<VersionRecord<L>> {
    return this.#versions.values();
  }

  version(version: string): VersionRecord<L> | undefined {
    return this.#versions.get(version);
  }

  /** Sets the state of a version; what it serves stays unless it is given. */
  set(version: string, state: VersionState, reason: string, serving?: Serving<L>): void {
    const record = this.#versions.get(version) ?? {
      version,
      state,
      reason,
      leaving: 0,
      ...NOTHING,
    };
    Object.assign(record, { state, reason }, serving);
    this.#versions.set(version, record);
    this.#settle();
  }

  /** An alias leads to its new version as soon as that serves; until then to the old one, while that does. */
  setAliases(aliases: Readonly<Record<string, { readonly version: string }>>): void {
    for (const name of this.#aliases.keys()) {
      if (!Object.hasOwn(aliases, name)) this.#aliases.delete(name);
    }
    for (const [name, { version: wanted }] of Object.entries(aliases)) {
      this.#aliases.set(name, { wanted, now: this.#aliases.get(name)?.now ?? wanted });
    }
    this.#settle();
  }

  /** The version that requests for an alias get now; undefined: there is no such alias. */
  alias(name: string): string | undefined {
    return this.#aliases.size === 0 ? undefined : this.#aliases.get(name)?.now;
  }

  /** Requests that name no version or an alias get it. */
  isTarget(version: string): boolean {
    if (this.#latest?.definition.version === version) return true;
    return [...this.#aliases.values()].some(({ now }) => now === version);
  }

  #settle(): void {
    for (const alias of this.#aliases.values()) {
      const { wanted, now } = alias;
      if (this.serving(wanted) !== undefined || this.serving(now) === undefined) alias.now = wanted;
    }
    const production = this.#aliases.get(PRODUCTION);
    this.#latest = production ? this.serving(production.now) : newest([...this.#versions.values()]);
  }

  /** Counts what leaves a version. @returns how much of it still answers requests */
  leaving(version: string, change: 1 | -1): number {
    const record = this.#versions.get(version);
    if (record === undefined) return 0;
    record.leaving += change;
    return record.leaving;
  }

  /** Nothing serves, loads or drains. */
  get idle(): boolean {
    return [...this.#versions.values()].every(
      ({ state, leaving }) => state === "UNAVAILABLE" && leaving === 0,
    );
  }

  /** What serves a version now. */
  serving(version: string): ServedModel<L> | undefined {
    const record = this.#versions.get(version);
    return record !== undefined && isServing(record) ? record.served : undefined;
  }

  /** Ready versions, ascending. */
  readyVersions(): readonly string[] {
    return [...this.#versions.values()]
      .filter(isServing)
      .map((record) => record.version)
      .sort(byNumber);
  }

  /** @throws StatusError with Triton's texts */
  resolve(version: string): ServedModel<L> {
    if (version === "") {
      if (this.#latest !== undefined) return this.#latest;
      // Nobody ever asked for it: to clients it is not there (Triton, explicit mode).
      if (!this.attempted) throw unknownModel(this.name);
      const production = this.alias(PRODUCTION);
      if (production !== undefined) return this.resolve(production);
      throw unknown("NOT_FOUND", `'${this.name}' has no available versions`);
    }
    const record = this.#versions.get(version);
    if (record === undefined) {
      throw unknown("NOT_FOUND", `'${this.name}' version ${version} is not found`);
    }
    if (isServing(record) && record.served !== undefined) return record.served;
    throw unknown("UNAVAILABLE", `'${this.name}' version ${version} is not at ready state`);
  }

  entries(): readonly IndexEntry[] {
    const { name } = this;
    if (this.#versions.size === 0) {
      // Attempted and no reason yet: its configuration is being read.
      const state = !this.attempted ? "" : this.reason === "" ? "LOADING" : "UNAVAILABLE";
      return [{ name, version: "", state, reason: this.reason }];
    }
    return (
      [...this.#versions.values()]
        .sort((a, b) => byNumber(a.version, b.version))
        // Why a newer definition was refused is in the log: to clients what serves is in order.
        .map(({ version, state, reason }) => ({
          name,
          version,
          state,
          reason: state === "READY" ? "" : reason,
        }))
    );
  }

  /** True where every version that should serve does. */
  allReady(): boolean {
    if (!this.attempted) return true;
    const records = [...this.#versions.values()];
    return (
      records.length > 0 &&
      records.every((record) => record.state === "READY" || record.reason === UNLOADED)
    );
  }
}

/** Triton's text for a name that is not in the repository. */
export function unknownModel(name: string): StatusError {
  return unknown("NOT_FOUND", `'${name}' is not found`);
}

function unknown(code: "NOT_FOUND" | "UNAVAILABLE", what: string): StatusError {
  return new StatusError(code, `Request for unknown model: ${what}`);
}

const isServing = (record: VersionRecord<unknown>) =>
  record.state === "READY" && record.served !== undefined;

function newest<L>(records: readonly VersionRecord<L>[]): ServedModel<L> | undefined {
  const serving = records.filter(isServing).sort((a, b) => byNumber(b.version, a.version));
  return serving[0]?.served;
}

/** Decimal numbers up to 2^63 without leading zeros. */
function byNumber(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
