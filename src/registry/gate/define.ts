/** An artifact of the registry as something that can be loaded, before it may serve. */
import { StatusError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { CatalogArtifact, CatalogModel, Digest } from "../catalog/types.ts";
import type { InspectingModule } from "../modules.ts";
import { prepareModel } from "../prepare.ts";
import { planModel } from "../published/plan.ts";
import { registeredVersion } from "../published/published-models.ts";
import { writeVersion } from "../published/write-version.ts";
import type { ModelDefinition } from "../types.ts";

export interface DefineParts {
  readonly modules: readonly InspectingModule[];
  readonly log: Logger;
  blobPath(digest: Digest): string;
}

/**
 * Exactly as it would serve, alone.
 * @param folder where it is laid out; whoever asks removes it
 * @throws StatusError for what does not fit the version's configuration
 */
export async function defineArtifact(
  { modules, log, blobPath }: DefineParts,
  folder: string,
  model: CatalogModel,
  version: string,
  artifact: CatalogArtifact,
): Promise<ModelDefinition> {
  const found = model.versions[version];
  if (found === undefined) throw new RangeError(`no version ${version}`);
  const alone = { ...found, artifacts: [{ ...artifact, state: "ready" as const }] };
  const none = () => undefined;
  const { versions } = planModel(
    { ...model, versions: { [version]: alone } },
    { artifact: none, blob: none },
  );
  const [plan] = versions;
  const [left] = plan?.absent ?? [];
  if (plan === undefined || left !== undefined) {
    throw new StatusError("INVALID_ARGUMENT", left?.reason ?? "nothing of it can be loaded");
  }
  const home = await writeVersion(folder, model.name, plan, blobPath);
  const registered = registeredVersion(plan, home);
  const [prepared] = await prepareModel(home, {
    modules,
    autoComplete: true,
    registeredArtifacts: registered,
    log,
  });
  if (prepared === undefined || "error" in prepared) {
    throw prepared?.error ?? new StatusError("INTERNAL", "there is no version in the folder");
  }
  return prepared.definition;
}
