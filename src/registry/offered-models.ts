/**
 * Models that backends offer without a folder in the repository (`BackendModule.discover`): written down
 * in a root of this process's own, where they are found, loaded and followed like any other.
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Offer, OfferedModel, TensorSpec } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import { toStatusError } from "../errors.ts";
import { CONFIG_TYPE } from "../inference/datatypes.ts";
import type { Logger } from "../logger.ts";
import { formatConfig } from "./config-pbtxt.ts";
import { privateFolder, sweepGivenFiles } from "./given-files.ts";
import { checkModelName } from "./paths.ts";
import { findModel } from "./scan.ts";

/** A backend that may offer models. */
export interface OfferSource {
  readonly kind: string;
  /** Its word in a configuration. */
  readonly backend: string;
  /** undefined: it is not asked to. @throws where nobody answers */
  discover(): Promise<Offer | undefined>;
}

export interface OfferedModelsParts {
  readonly sources: readonly OfferSource[];
  /** A model that is there, too, is served from there. */
  readonly roots: readonly string[];
  /** Between two looks. */
  readonly periodMs: number;
  /** Told after the first look when models came, went or changed. */
  changed(root: string): Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Written {
  readonly source: OfferSource;
  readonly text: string;
}

export class OfferedModels {
  readonly name = "offered models";
  readonly #parts: OfferedModelsParts;
  readonly #root = privateFolder();
  readonly #written = new Map<string, Written>();
  /** What was said last of a source or a model: once is enough. */
  readonly #told = new Map<string, string>();
  #stopped = false;
  /** Of the look that is due; undefined while one is taken. */
  #cancel: (() => void) | undefined;
  #hurried = false;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(parts: OfferedModelsParts) {
    this.#parts = parts;
  }

  /** Roots to add to those of the configuration; they exist once this is started. */
  get roots(): readonly string[] {
    return this.#parts.sources.length > 0 ? [this.#root] : [];
  }

  async start(): Promise<void> {
    if (this.#parts.sources.length === 0) return;
    this.#stopped = false;
    await sweepGivenFiles();
    await mkdir(this.#root, { mode: 0o700 });
    await this.#look();
    this.#lookLater();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#looking;
    this.#written.clear();
    await rm(this.#root, { recursive: true, force: true });
  }

  /** A server has come that may offer more: looks at once, not at the next period. */
  hurry(): void {
    this.#hurried = true;
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#lookLater();
  }

  #lookLater(): void {
    if (this.#stopped) return;
    const { clock, periodMs, changed } = this.#parts;
    this.#cancel = clock.after(this.#hurried ? 0 : periodMs, () => {
      this.#cancel = undefined;
      this.#hurried = false;
      this.#looking = this.#look()
        .then((news) => (news && !this.#stopped ? changed(this.#root) : undefined))
        .finally(() => this.#lookLater());
    });
  }

  /** Never rejects. @returns true where models came, went or changed */
  async #look(): Promise<boolean> {
    const news = await Promise.all(this.#parts.sources.map((source) => this.#lookAt(source)));
    return news.includes(true);
  }

  async #lookAt(source: OfferSource): Promise<boolean> {
    try {
      const offer = await source.discover();
      if (offer === undefined || this.#stopped) return false;
      this.#told.delete(source.kind);
      return await this.#follow(source, offer);
    } catch (thrown) {
      // What was offered before may still be served, by devices that were found before.
      this.#tell(source.kind, `backend ${source.kind} offers no models: ${messageOf(thrown)}`);
      return false;
    }
  }

  async #follow(source: OfferSource, { models, complete }: Offer): Promise<boolean> {
    let news = false;
    const offered = new Set<string>();
    for (const model of models) {
      if (!(await this.#isFree(source, model))) continue;
      offered.add(model.name);
      const text = configText(source.backend, model);
      if (this.#written.get(model.name)?.text === text) continue;
      await this.#write(model.name, text);
      this.#written.set(model.name, { source, text });
      news = true;
    }
    for (const [name, written] of this.#written) {
      const stays = offered.has(name) || (!complete && !(await this.#isLocal(name)));
      if (written.source !== source || stays) continue;
      this.#written.delete(name);
      await rm(join(this.#root, name), { recursive: true, force: true });
      news = true;
    }
    return news;
  }

  async #isFree(source: OfferSource, { name }: OfferedModel): Promise<boolean> {
    const offered = `model '${name}' that backend ${source.kind} offers is left out`;
    try {
      checkModelName(name);
    } catch (thrown) {
      this.#tell(name, `${offered}: ${messageOf(thrown)}`);
      return false;
    }
    if (name.startsWith(".")) {
      this.#tell(name, `${offered}: its name begins with a dot`);
      return false;
    }
    const other = this.#written.get(name)?.source ?? source;
    if (other !== source || (await this.#isLocal(name))) {
      const place = other === source ? "the repository has one" : `${other.kind} offers one, too`;
      this.#tell(name, `${offered}: ${place} of this name`);
      return false;
    }
    return true;
  }

  async #isLocal(name: string): Promise<boolean> {
    return (await findModel(this.#parts.roots, name)).length > 0;
  }

  /** A look at the root sees the model as it was or as it will be. */
  async #write(name: string, text: string): Promise<void> {
    const folder = join(this.#root, name);
    const made = join(this.#root, ".new");
    if (await readFile(join(folder, "config.pbtxt")).catch(() => undefined)) {
      await writeFile(made, text, { mode: 0o600 });
      await rename(made, join(folder, "config.pbtxt"));
      return;
    }
    await mkdir(join(made, "1"), { recursive: true, mode: 0o700 });
    await writeFile(join(made, "config.pbtxt"), text, { mode: 0o600 });
    await rename(made, folder);
  }

  #tell(about: string, text: string): void {
    if (this.#told.get(about) === text) return;
    this.#told.set(about, text);
    this.#parts.log.warn(text);
  }
}

function configText(backend: string, model: OfferedModel): string {
  const { name, maxBatchSize, inputs, outputs } = model;
  return formatConfig({
    name,
    backend,
    max_batch_size: maxBatchSize,
    input: inputs.map(configTensor),
    output: outputs.map(configTensor),
    ...(maxBatchSize > 0 ? { dynamic_batching: {} } : {}),
  });
}

const configTensor = ({ name, datatype, shape, optional }: TensorSpec) => ({
  name,
  data_type: CONFIG_TYPE[datatype],
  dims: shape,
  ...(optional === true ? { optional } : {}),
});

const messageOf = (thrown: unknown) => toStatusError(thrown).message;
