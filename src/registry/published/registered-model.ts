/** A registered model as the repository is to serve it. */
import type { AbsentVariant } from "../../policy/routing/variant-view.ts";
import type { Alias } from "../catalog/types.ts";
import type { VariantDefinition } from "../types.ts";

export interface RegisteredModel {
  /** At least one. */
  readonly versions: readonly RegisteredVersion[];
  readonly aliases: Readonly<Record<string, Alias>>;
}

export interface RegisteredVersion {
  readonly version: string;
  /**
   * A whole model folder of Triton's layout with this one version in it: versions of a model may differ in
   * configuration and labels. What lies in it never changes; another content is another folder.
   */
  readonly folder: string;
  /** Those that may serve; at least one. */
  readonly artifacts: readonly VariantDefinition[];
  readonly absent: readonly AbsentVariant[];
}

/** Where the repository finds the registered models. */
export interface RegisteredModels {
  /** Names of those that are to serve. */
  names(): Iterable<string>;
  /** undefined: it is not registered, nothing of it is to serve, or a repository folder has its name. */
  find(name: string): RegisteredModel | undefined;
}
