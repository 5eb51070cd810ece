/** The record of an artifact: at first what was told, then what was found. */
import type { ArtifactFacts, ArtifactManifest } from "../../../backends/contract.ts";
import type {
  CatalogArtifact,
  CatalogVersion,
  CheckResult,
  Digest,
  Registration,
  Underway,
} from "../catalog/types.ts";
import { variantName } from "../catalog/variant-name.ts";
import { fieldsOf } from "../model-config.ts";
import { canonicalJson } from "../vendors/canonical-json.ts";
import type { VendorRule } from "../vendors/vendor-rules.ts";
import type { Candidate } from "./candidate.ts";
import type { Findings } from "./check.ts";
import { givenAs } from "./checks/external-data.ts";
import { defaultEquivalence } from "./default-equivalence.ts";
import { isReference } from "./not-executed.ts";
import type { Validated } from "./record.ts";
import { hasTensors, storedConfig } from "./settle-config.ts";

export interface Registered {
  readonly registration: Registration;
  readonly candidate: Candidate;
  readonly existing: CatalogVersion | undefined;
  readonly who: string;
  readonly at: string;
  readonly underway: Underway;
}

/** Before anything was read. Its platform is what was told: two for one platform are refused at once. */
export function uploadedArtifact(
  registered: Registered,
  rule: Pick<VendorRule, "boards" | "defaultPlatform">,
): CatalogArtifact {
  const { registration, candidate, existing, who, at, underway } = registered;
  const { vendor, artifact: digest, file } = registration;
  const platform =
    toldPlatform(registration.manifest) ?? (rule.boards ? digest : rule.defaultPlatform);
  return {
    digest,
    variant: variantName(existing, { vendor, platform }),
    ...{ vendor, backend: "none", platform, format: "unknown", file },
    sizeBytes: candidate.sizeBytes,
    numericClass: "unknown",
    facts: {},
    checks: [],
    state: "uploaded",
    registeredBy: who,
    registeredAt: at,
    underway,
  };
}

export function validatedArtifact(
  registered: Registered,
  found: Findings,
  checks: readonly CheckResult[],
): Validated {
  const { registration, candidate, existing } = registered;
  const { vendor, signature, equivalence } = registration;
  const { manifest, platform = "any", format = "unknown", formatRule, config } = found;
  const outputs = config?.signature?.outputs ?? [];
  const others = {
    artifacts: (existing?.artifacts ?? []).filter(
      ({ digest, vendor: of }) => digest !== registration.artifact || of !== vendor,
    ),
  };
  const bound = existing !== undefined && hasTensors(existing.config);
  const own = equivalence ?? (bound ? existing.equivalence : defaultEquivalence(outputs));
  const differs = bound && canonicalJson(own) !== canonicalJson(existing.equivalence);
  return {
    artifact: {
      ...uploadedArtifact(registered, found.rule ?? { boards: false, defaultPlatform: "any" }),
      variant: variantName(others, { vendor, platform }),
      backend: formatRule?.backend ?? "none",
      platform,
      format,
      numericClass: numericClassOf(manifest, found),
      ...(manifest === undefined ? {} : { manifest }),
      facts: factsForPeople(found.facts),
      ...(differs ? { equivalence: own } : {}),
      checks,
      ...(signature === undefined ? {} : { signature }),
      state: "validated",
    },
    config: storedConfig(config?.config ?? {}),
    equivalence: own,
    files: filesBeside(registration, candidate, found),
    reference: referenceOf(registration, format),
  };
}

function referenceOf(registration: Registration, format: string): Validated["reference"] {
  if (registration.reference === true) return "asked";
  return isReference(registration, format) ? "fitting" : "no";
}

function toldPlatform(manifest: unknown): string | undefined {
  const { artifact } = (manifest ?? {}) as { artifact?: { platform?: unknown } };
  const platform = artifact?.platform;
  return typeof platform === "string" && platform !== "any" ? platform.slice(0, 256) : undefined;
}

function numericClassOf(manifest: ArtifactManifest | undefined, { config }: Findings): string {
  if (manifest !== undefined) return manifest.numericClass;
  const { parameters = {} } = fieldsOf(config?.config ?? {});
  return parameters["numeric_class"]?.string_value || "float32";
}

/** External data lies in the version's folder, beside the graph, whichever name it was given by. */
function filesBeside(
  { version, files = {} }: Registration,
  candidate: Candidate,
  { facts, format }: Findings,
): Readonly<Record<string, Digest>> {
  const locations = format === "onnx" ? facts?.details?.["externalData"] : [];
  const beside = new Set(
    (Array.isArray(locations) ? locations : []).filter(
      (location) => candidate.files.get(location) === givenAs({ candidate }, location),
    ),
  );
  return Object.fromEntries(
    Object.entries(files).map(([path, digest]) => [
      beside.has(path) ? `${version}/${path}` : path,
      digest,
    ]),
  );
}

const MOST_LISTED = 200;

/** Long lists are cut: a record is read whole whenever anything of the model changes. */
function factsForPeople(facts: ArtifactFacts | undefined): Readonly<Record<string, unknown>> {
  const { details = {}, ...rest } = facts ?? {};
  const short: [string, unknown][] = [];
  for (const [key, value] of Object.entries({ ...rest, ...details })) {
    if (!Array.isArray(value) || value.length <= MOST_LISTED) short.push([key, value]);
    else short.push([key, value.slice(0, MOST_LISTED)], [`${key}Count`, value.length]);
  }
  return Object.fromEntries(short);
}
