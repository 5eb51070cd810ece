/** Where the aliases of a model point, pure. Where nothing changes, the same object comes back. */
import { StatusError } from "../../errors.ts";
import { aliasOf, serves, versionOf } from "./find.ts";
import type { Alias, AliasChange, CatalogModel } from "./types.ts";

/** Of each alias: rollbacks go back so far. */
export const KEPT_ALIAS_CHANGES = 20;

export interface AliasTarget {
  readonly alias: string;
  readonly version: string;
  /** Of `candidate` only; default 0: it gets requests that name it, and no others. */
  readonly weight?: number;
  /** Of any alias but `production`: see `Alias.shadowShare`. */
  readonly shadowShare?: number;
  readonly at: string;
  readonly by: string;
}

/**
 * Points the alias at a version, whether it is there or not. Another weight alone is no step that a rollback
 * would take back.
 * @throws StatusError FAILED_PRECONDITION for a version that does not serve; INVALID_ARGUMENT
 */
export function setAlias(model: CatalogModel, target: AliasTarget): CatalogModel {
  const { alias, version, at, by } = target;
  const pointed = checkedAlias(target);
  checkServes(model, alias, version);
  const before = aliasOf(model, alias);
  const same = before?.weight === pointed.weight && before?.shadowShare === pointed.shadowShare;
  if (before?.version === version && same) return model;
  const moved = before !== undefined && before.version !== version;
  return {
    ...model,
    aliases: { ...model.aliases, [alias]: pointed },
    aliasHistory: moved
      ? remember(model.aliasHistory, { ...before, alias, at, by })
      : model.aliasHistory,
  };
}

/**
 * Points the alias at what it pointed at before; once more, and it goes back further.
 * @throws StatusError FAILED_PRECONDITION where there is nothing before, or it does not serve any more
 */
export function rollbackAlias(model: CatalogModel, alias: string): CatalogModel {
  const last = model.aliasHistory.findLastIndex((change) => change.alias === alias);
  const before = model.aliasHistory[last];
  if (before === undefined) {
    throw new StatusError(
      "FAILED_PRECONDITION",
      `alias '${alias}' of model '${model.name}' did not point at anything else before; promote the version that you want`,
    );
  }
  checkServes(model, alias, before.version);
  const { alias: _, at: __, by: ___, ...pointed } = before;
  return {
    ...model,
    aliases: { ...model.aliases, [alias]: pointed },
    aliasHistory: model.aliasHistory.filter((_, at) => at !== last),
  };
}

/**
 * A rollback brings it back.
 * @throws StatusError NOT_FOUND; FAILED_PRECONDITION for `production` while `candidate` takes a share of its requests
 */
export function dropAlias(
  model: CatalogModel,
  { alias, at, by }: { readonly alias: string; readonly at: string; readonly by: string },
): CatalogModel {
  const before = aliasOf(model, alias);
  if (before === undefined) {
    const there = Object.keys(model.aliases).join(", ");
    throw new StatusError(
      "NOT_FOUND",
      `model '${model.name}' has no alias '${alias}'; there are ${there || "none"}`,
    );
  }
  if (alias === "production" && aliasOf(model, "candidate") !== undefined) {
    throw new StatusError(
      "FAILED_PRECONDITION",
      `alias 'candidate' of model '${model.name}' takes a share of what production gets; drop 'candidate' first`,
    );
  }
  const { [alias]: _, ...aliases } = model.aliases;
  const aliasHistory = remember(model.aliasHistory, { ...before, alias, at, by });
  return { ...model, aliases, aliasHistory };
}

function remember(history: readonly AliasChange[], change: AliasChange): readonly AliasChange[] {
  const longer = [...history, change];
  const same = longer.filter(({ alias }) => alias === change.alias);
  if (same.length <= KEPT_ALIAS_CHANGES) return longer;
  return longer.filter((one) => one !== same[0]);
}

function checkedAlias({ alias, version, weight, shadowShare }: AliasTarget): Alias {
  if (!/^[a-z][a-z0-9_-]{0,63}$/.test(alias)) {
    throw invalid(
      `'${alias.slice(0, 80)}' cannot be an alias; expected a small letter, then small letters, digits, _ and -`,
    );
  }
  if (shadowShare !== undefined && !(shadowShare >= 0 && shadowShare <= 1)) {
    throw invalid(`the shadow share ${shadowShare} of '${alias}' is not within 0 and 1`);
  }
  if (shadowShare !== undefined && alias === "production") {
    throw invalid("'production' is what others are compared with; it shadows nothing");
  }
  const shadow = shadowShare === undefined ? {} : { shadowShare };
  if (alias !== "candidate") {
    if (weight === undefined) return { version, ...shadow };
    throw invalid(
      `only 'candidate' has a weight; '${alias}' gets every request that is meant for it`,
    );
  }
  const share = weight ?? 0;
  if (!(share >= 0 && share <= 1))
    throw invalid(`weight ${share} of 'candidate' is not within 0 and 1`);
  return { version, weight: share, ...shadow };
}

function checkServes(model: CatalogModel, alias: string, version: string): void {
  const { artifacts } = versionOf(model, version);
  if (serves(versionOf(model, version))) return;
  const states = artifacts.map(({ variant, state }) => `${variant} is ${state}`).join(", ");
  throw new StatusError(
    "FAILED_PRECONDITION",
    `alias '${alias}' cannot point at version ${version} of model '${model.name}': none of its artifacts is ready ` +
      `(${states}); verify one, or choose another version`,
  );
}

function invalid(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}
