/** The repository's hold on the registered models: which of its records are theirs, and when they are loaded. */
import type { ModelChanges } from "../changes.ts";
import type { Ensembles } from "../ensembles.ts";
import { ModelRecord } from "../model-record.ts";
import type { Turns } from "../turns.ts";
import type { RegisteredModel, RegisteredModels } from "./registered-model.ts";

export interface RegisteredFollowingParts<L> {
  /** undefined: nothing can be registered. */
  readonly registered: RegisteredModels | undefined;
  readonly models: Map<string, ModelRecord<L>>;
  readonly changes: ModelChanges<L>;
  readonly ensembles: Ensembles<L>;
  readonly turns: Turns;
  /** Loads no more once it is aborted. */
  readonly stopping: AbortSignal;
  /** Takes a model out of service. */
  remove(record: ModelRecord<L>): Promise<void>;
}

export class RegisteredFollowing<L> {
  readonly #parts: RegisteredFollowingParts<L>;

  constructor(parts: RegisteredFollowingParts<L>) {
    this.#parts = parts;
  }

  /**
   * Adds them to what the roots hold: a folder in a root goes before a registered model of its name.
   * @returns those that were added
   */
  addTo(folders: Map<string, readonly string[]>): ReadonlySet<string> {
    const added = new Set<string>();
    for (const name of this.#parts.registered?.names() ?? []) {
      const model = this.#find(name);
      if (model === undefined || folders.has(name)) continue;
      folders.set(name, foldersOf(model));
      added.add(name);
    }
    return added;
  }

  /** What serves under this name comes from the registry, and that has it still. */
  has(name: string): boolean {
    return this.#parts.models.get(name)?.registered === true && this.#find(name) !== undefined;
  }

  /** See `ModelRepository.followRegistered`. */
  async follow(names: readonly string[]): Promise<void> {
    const { stopping, ensembles } = this.#parts;
    if (stopping.aborted) return;
    await Promise.all(names.map((name) => this.#follow(name)));
    await ensembles.settle();
  }

  /**
   * In the turn of the model.
   * @param again also where nothing changed, but something failed
   */
  async load(record: ModelRecord<L>, again: boolean): Promise<void> {
    const model = this.#find(record.name);
    // It left the registry meanwhile: whoever took it out sees to the rest.
    if (model === undefined) return;
    record.folders = foldersOf(model);
    const now = JSON.stringify(model);
    if (now === record.fingerprint && !(again && !record.allReady())) return;
    record.fingerprint = now;
    record.attempted = true;
    await this.#parts.changes.loadRegistered(record, model);
  }

  async #follow(name: string): Promise<void> {
    const { models, turns, remove } = this.#parts;
    const before = models.get(name);
    if (this.#find(name) === undefined) {
      if (before?.registered) await remove(before);
      return;
    }
    // A folder of this name in a root came first.
    if (before !== undefined && !before.registered && before.folders.length > 0) return;
    const record = before ?? new ModelRecord<L>(name, []);
    record.registered = true;
    models.set(name, record);
    await turns.run(name, () => this.load(record, true));
  }

  #find(name: string): RegisteredModel | undefined {
    return this.#parts.registered?.find(name);
  }
}

const foldersOf = ({ versions }: RegisteredModel) => versions.map(({ folder }) => folder);
