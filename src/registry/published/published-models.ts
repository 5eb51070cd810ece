/**
 * Registered models as this gateway serves them: each version in a folder of this process's own, made of links
 * into the store, which the repository loads like any other model. Bytes that are not those of their digest
 * do not serve: every file is hashed once before it serves, and again when it was touched.
 */
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../../clock.ts";
import { toStatusError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { CatalogSnapshot } from "../catalog/registry.ts";
import type { CatalogArtifact, CatalogModel, Digest } from "../catalog/types.ts";
import { privateFolder, sweepGivenFiles } from "../given-files.ts";
import type { KnownDigests } from "../known-digests.ts";
import { findModel } from "../scan.ts";
import { Turns } from "../turns.ts";
import type { VariantDefinition } from "../types.ts";
import { backendOff } from "./given-artifacts.ts";
import {
  type ModelPlan,
  type PlannedArtifact,
  planModel,
  planNothing,
  type VersionPlan,
} from "./plan.ts";
import type { RegisteredModel, RegisteredModels, RegisteredVersion } from "./registered-model.ts";
import { writeVersion } from "./write-version.ts";

export interface PublishedModelsParts {
  /** The same object for as long as nothing changed. */
  readonly catalog: { snapshot(): CatalogSnapshot };
  /** See `Blobs.path`. */
  blobPath(digest: Digest): string;
  readonly digests: KnownDigests;
  /** A model that one of them has is served from there. */
  readonly roots: readonly string[];
  /** Kinds of the backends that are switched on. */
  readonly backends: readonly string[];
  /** Told of every model before the repository follows; undefined: nothing of it serves. */
  published(name: string, model: RegisteredModel | undefined): void;
  /** Has the repository follow: see `ModelRepository.followRegistered`. */
  followed(names: readonly string[]): Promise<void>;
  /** Paths of the artifacts that serve a model, once those that were replaced are drained. */
  inUse(name: string): Promise<readonly string[]>;
  /** Between two looks at the files in the store, ms. */
  readonly checkMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

type Recorded = CatalogSnapshot["models"][number];

interface Published {
  /** Of the record that it was made from. */
  readonly generation: number;
  readonly plan: ModelPlan;
  /** undefined: nothing of it serves. */
  readonly model: RegisteredModel | undefined;
}

export class PublishedModels implements RegisteredModels {
  readonly name = "registered models";
  readonly #parts: PublishedModelsParts;
  readonly #root = privateFolder();
  readonly #published = new Map<string, Published>();
  /** By model; those of versions that were replaced stay until they are drained. */
  readonly #folders = new Map<string, Set<string>>();
  readonly #damaged = new Map<Digest, string>();
  /** Models that a folder of a root stands in front of. */
  readonly #shadowed = new Set<string>();
  readonly #turns = new Turns();
  #indexed:
    | { readonly snapshot: CatalogSnapshot; readonly models: Map<string, Recorded> }
    | undefined;
  #cancel: (() => void) | undefined;
  #checking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: PublishedModelsParts) {
    this.#parts = parts;
  }

  /** Before the repository starts: it finds the models here. */
  async start(): Promise<void> {
    this.#stopped = false;
    await sweepGivenFiles();
    await mkdir(this.#root, { mode: 0o700 });
    await Promise.all([...this.#catalog().keys()].map((name) => this.#publish(name)));
    this.#checkLater();
  }

  /** After the repository stopped: nothing is served from here any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#checking;
    await this.#turns.idle();
    this.#published.clear();
    this.#folders.clear();
    await rm(this.#root, { recursive: true, force: true });
  }

  names(): Iterable<string> {
    return this.#published.keys();
  }

  find(name: string): RegisteredModel | undefined {
    return this.#published.get(name)?.model;
  }

  /**
   * Makes what serves agree with the catalog. Resolves when every version of these models serves or has
   * failed, and aliases lead to their versions where those serve. Never rejects.
   */
  async follow(names: readonly string[]): Promise<void> {
    if (this.#stopped) return;
    await Promise.all(names.map((name) => this.#publish(name)));
    await this.#parts.followed(names);
    for (const name of names) void this.#clear(name);
  }

  /** Why an artifact was not even given to the repository; undefined: it was. */
  whyNotPublished(name: string, version: string, variant: string): string | undefined {
    if (this.#shadowed.has(name))
      return "a model repository has a model of this name, which serves";
    const plan = this.#published.get(name)?.plan;
    const planned = plan?.versions.find((each) => each.version === version);
    if (planned === undefined) return `version ${version} is not registered`;
    if (planned.artifacts.some(({ artifact }) => artifact.variant === variant)) return undefined;
    const absent = planned.absent.find((each) => each.name === variant);
    return absent?.reason ?? `it has no artifact '${variant}'`;
  }

  /** Of the registry. */
  catalogModel(name: string): CatalogModel | undefined {
    return this.#catalog().get(name)?.model;
  }

  /** Of the record that what serves was made from; undefined: it is not registered. Hot. */
  generationOf(name: string): number | undefined {
    return this.#published.get(name)?.generation;
  }

  // Publishing ------------------------------------------------------------------

  /** Never rejects. */
  #publish(name: string): Promise<void> {
    return this.#turns.run(name, async () => {
      const recorded = this.#catalog().get(name);
      if (recorded === undefined || (await this.#isShadowed(name))) {
        this.#published.delete(name);
        this.#parts.published(name, undefined);
        return;
      }
      const { generation, model } = recorded;
      await Promise.all(this.#digestsOf(model).map((digest) => this.#verify(digest)));
      const plan = planModel(model, {
        artifact: ({ backend }) => (this.#isOn(backend) ? undefined : backendOff(backend)),
        blob: (digest) => this.#damaged.get(digest),
      });
      const written = await Promise.all(plan.versions.map((version) => this.#write(name, version)));
      const versions = written.flatMap(({ registered }) => registered ?? []);
      const published = versions.length > 0 ? { versions, aliases: plan.aliases } : undefined;
      this.#published.set(name, {
        generation,
        plan: { ...plan, versions: written.map((each) => each.plan) },
        model: published,
      });
      this.#parts.published(name, published);
    });
  }

  async #isShadowed(name: string): Promise<boolean> {
    const [folder] = await findModel(this.#parts.roots, name);
    if (folder === undefined) {
      this.#shadowed.delete(name);
      return false;
    }
    if (!this.#shadowed.has(name)) {
      this.#shadowed.add(name);
      this.#parts.log.warn(
        `model '${name}' is registered and also lies in '${folder}': that one serves; rename or remove one of them`,
      );
    }
    return true;
  }

  async #write(name: string, plan: VersionPlan) {
    if (plan.artifacts.length === 0) return { plan, registered: undefined };
    try {
      const { blobPath } = this.#parts;
      const folder = await writeVersion(this.#root, name, plan, blobPath);
      const folders = this.#folders.get(name) ?? new Set();
      this.#folders.set(name, folders.add(folder));
      return { plan, registered: registeredVersion(plan, folder) };
    } catch (thrown) {
      const reason = `its folder cannot be written: ${toStatusError(thrown).message}`;
      this.#parts.log.error(`version ${plan.version} of registered model '${name}': ${reason}`);
      return { plan: planNothing(plan, reason), registered: undefined };
    }
  }

  /** Removes folders that nothing is served from any more. Never rejects. */
  async #clear(name: string): Promise<void> {
    const used = new Set(
      (await this.#parts.inUse(name)).map((path) => dirname(dirname(dirname(path)))),
    );
    await this.#turns.run(name, async () => {
      for (const { folder } of this.find(name)?.versions ?? []) used.add(folder);
      const folders = this.#folders.get(name) ?? new Set();
      for (const folder of folders) {
        if (used.has(folder)) continue;
        folders.delete(folder);
        await rm(dirname(folder), { recursive: true, force: true }).catch(() => undefined);
      }
    });
  }

  // The bytes -------------------------------------------------------------------

  #checkLater(): void {
    if (this.#stopped) return;
    this.#cancel = this.#parts.clock.after(this.#parts.checkMs, () => {
      this.#checking = this.#check().finally(() => this.#checkLater());
    });
  }

  /** Whoever's bytes changed leaves, or comes back. Never rejects. */
  async #check(): Promise<void> {
    const changed: string[] = [];
    for (const [name, { model }] of this.#catalog()) {
      const verified = this.#digestsOf(model).map((digest) => this.#verify(digest));
      if ((await Promise.all(verified)).includes(true)) changed.push(name);
    }
    if (changed.length > 0) await this.follow(changed);
  }

  /** Never rejects. @returns true where it is not as it was the last time */
  async #verify(digest: Digest): Promise<boolean> {
    const before = this.#damaged.get(digest);
    const damage = await this.#damageOf(digest);
    if (damage === before) return false;
    if (damage === undefined) this.#damaged.delete(digest);
    else {
      this.#damaged.set(digest, damage);
      this.#parts.log.error(`artifact ${digest} does not serve: ${damage}`);
    }
    return true;
  }

  async #damageOf(digest: Digest): Promise<string | undefined> {
    try {
      const actual = await this.#parts.digests.of(this.#parts.blobPath(digest));
      if (actual === digest) return undefined;
      return `its bytes in the store are damaged: they have digest ${actual}; register it again`;
    } catch (thrown) {
      return `its bytes cannot be read from the store: ${toStatusError(thrown).message}`;
    }
  }

  /** Of what may serve here. */
  #digestsOf(model: CatalogModel): readonly Digest[] {
    const maybe = ({ state, backend }: CatalogArtifact) => state === "ready" && this.#isOn(backend);
    return Object.values(model.versions).flatMap(({ artifacts, files }) => {
      const ready = artifacts.filter(maybe).map(({ digest }) => digest);
      return ready.length > 0 ? [...ready, ...Object.values(files ?? {})] : [];
    });
  }

  #isOn(backend: string): boolean {
    return this.#parts.backends.includes(backend);
  }

  /** By name; made once a snapshot. */
  #catalog(): ReadonlyMap<string, Recorded> {
    const snapshot = this.#parts.catalog.snapshot();
    if (this.#indexed?.snapshot !== snapshot) {
      const models = new Map(snapshot.models.map((recorded) => [recorded.model.name, recorded]));
      this.#indexed = { snapshot, models };
    }
    return this.#indexed.models;
  }
}

/** As it lies in its folder. */
export function registeredVersion(plan: VersionPlan, folder: string): RegisteredVersion {
  const artifacts = plan.artifacts.map((planned) => variantOf(planned, folder));
  return { version: plan.version, folder, artifacts, absent: plan.absent };
}

function variantOf({ artifact, path }: PlannedArtifact, folder: string): VariantDefinition {
  const { variant: name, backend, vendor, numericClass, digest, format, platform } = artifact;
  const { manifest } = artifact;
  return {
    name,
    backendKind: backend,
    vendor,
    numericClass,
    artifact: { digest, path: join(folder, path), format, platform, ...(manifest && { manifest }) },
  };
}
