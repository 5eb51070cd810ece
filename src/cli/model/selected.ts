/** The part of a model that was asked for. */
import type { ArtifactName } from "../../registry/catalog/registry.ts";
import type { CatalogModel } from "../../registry/catalog/types.ts";
import { CliError, Exit } from "../io.ts";
import { written } from "./name.ts";

/** @throws CliError naming what there is, where nothing fits */
export function selected(model: CatalogModel, named: ArtifactName): CatalogModel {
  const { version, vendor, digest } = named;
  const versions = Object.entries(model.versions)
    .filter(([each]) => version === undefined || each === version)
    .map(([each, found]) => {
      const artifacts = found.artifacts.filter(
        (artifact) =>
          (vendor === undefined || artifact.vendor === vendor) &&
          (digest === undefined || artifact.digest === digest),
      );
      return [each, { ...found, artifacts }] as const;
    })
    .filter(([, { artifacts }]) => artifacts.length > 0);
  if (versions.length > 0) return { ...model, versions: Object.fromEntries(versions) };
  const there = Object.values(model.versions).flatMap(({ version: each, artifacts }) =>
    artifacts.map((one) => `${model.name}:${each}@${one.vendor}`),
  );
  const text = `there is no ${written(named)}; there is ${there.join(", ") || "nothing of it"}`;
  throw new CliError(Exit.refused, text);
}
