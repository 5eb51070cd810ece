/** The artifacts of a registered version: what they are is known, only their backends are asked for facts. */
import { toStatusError } from "../../errors.ts";
import type { ModelSignature } from "../../inference/request.ts";
import type { AbsentVariant } from "../../policy/routing/variant-view.ts";
import type { InspectingModule } from "../modules.ts";
import type { ModelDefinition, VariantDefinition } from "../types.ts";
import { checkVariant, type FoundVariant } from "../variants.ts";
import { inPreference, noneCanServe } from "../version-artifacts.ts";
import type { RegisteredVersion } from "./registered-model.ts";

export type GivenArtifacts = Pick<RegisteredVersion, "artifacts" | "absent">;

export interface InspectedArtifacts {
  readonly found: readonly FoundVariant[];
  readonly absent: readonly AbsentVariant[];
}

/** One that its backend cannot read is left out with the reason. */
export async function inspectGiven(
  given: GivenArtifacts,
  modules: readonly InspectingModule[],
): Promise<InspectedArtifacts> {
  const found: FoundVariant[] = [];
  const absent: AbsentVariant[] = [...given.absent];
  for (const variant of given.artifacts) {
    const module = modules.find(({ kind }) => kind === variant.backendKind);
    if (module === undefined) {
      absent.push(absentVariant(variant, backendOff(variant.backendKind)));
      continue;
    }
    try {
      found.push({ ...variant, facts: await module.inspect(variant.artifact) });
    } catch (thrown) {
      absent.push(absentVariant(variant, toStatusError(thrown).message));
    }
  }
  return { found, absent };
}

export const backendOff = (kind: string) =>
  `backend '${kind}' is not switched on here (backends: [{ kind }] in the configuration)`;

export function absentVariant(variant: VariantDefinition, reason: string): AbsentVariant {
  const { name, vendor = "any", numericClass, artifact } = variant;
  const { platform, digest } = artifact;
  return { name, vendor, platform, numericClass, digest, reason };
}

/**
 * Which of them serve, in the order of preference. Those with sequences, decoupled ones and several without a
 * batch axis are served by the first alone: nothing can be moved from one variant to another there.
 * @throws StatusError UNAVAILABLE with the reasons where none does
 */
export function givenVariants(
  { signature, parameters }: ModelDefinition,
  hasSequences: boolean,
  { found, absent }: InspectedArtifacts,
): Pick<ModelDefinition, "variants" | "only" | "absent"> {
  const left = [...absent];
  const fitting: VariantDefinition[] = [];
  for (const { facts: _, ...variant } of found) {
    const reason = misfit(variant, signature);
    if (reason === undefined) fitting.push(variant);
    else left.push(absentVariant(variant, reason));
  }
  const [first, ...others] = inPreference(fitting, parameters);
  if (first === undefined) throw noneCanServe(left);
  const oneOnly = hasSequences || signature.decoupled || signature.maxBatchSize === 0;
  if (oneOnly) {
    for (const other of others) left.push(absentVariant(other, ONE_ONLY));
  }
  const plain = hasSequences || signature.decoupled;
  return {
    ...(plain ? { only: first } : { variants: oneOnly ? [first] : [first, ...others] }),
    ...(left.length > 0 ? { absent: left } : {}),
  };
}

const ONE_ONLY =
  "models with sequences, decoupled ones and those without a batch axis are served by one artifact";

function misfit(variant: VariantDefinition, signature: ModelSignature): string | undefined {
  try {
    checkVariant(variant, signature);
    return undefined;
  } catch (thrown) {
    return toStatusError(thrown).message;
  }
}
