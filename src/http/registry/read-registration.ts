/** A registration from a request's JSON: whole, or as much of it as there is for a dry run. */
import type { Registration } from "../../registry/catalog/registry.ts";
import type { JsonObject } from "../json-value.ts";
import { readEquivalence } from "./read-equivalence.ts";
import {
  asDigest,
  asFlag,
  asGeneration,
  asObject,
  asText,
  asVendor,
  asVersion,
  invalid,
  optional,
  refuseUnknown,
  required,
} from "./read-fields.ts";

type Readers = { readonly [Key in keyof Registration]-?: (value: unknown, key: string) => unknown };

const READERS: Readers = {
  name: asText,
  version: asVersion,
  vendor: asVendor,
  artifact: asDigest,
  file: asFileName,
  manifest: asObject,
  config: asText,
  golden: (value, key) => {
    const given = asObject(value, key);
    refuseUnknown(given, ["inputs", "outputs"], `${key}.`);
    const inputs = required(given, "inputs", asDigest);
    if (given["outputs"] === undefined) return { inputs };
    return { inputs, outputs: required(given, "outputs", asDigest) };
  },
  equivalence: readEquivalence,
  signature: (value, key) => {
    const given = asObject(value, key);
    refuseUnknown(given, ["keyId", "value"], `${key}.`);
    return { keyId: required(given, "keyId", asText), value: required(given, "value", asText) };
  },
  files: readFiles,
  reference: asFlag,
  promote: asText,
  validateOnly: asFlag,
  generation: asGeneration,
};

const REQUIRED = ["name", "version", "vendor", "artifact", "file"] as const;
const MOST_FILES = 1000;

/** @throws StatusError INVALID_ARGUMENT naming the member */
export function readPartialRegistration(given: JsonObject): Partial<Registration> {
  refuseUnknown(given, Object.keys(READERS));
  return Object.fromEntries(
    Object.entries(READERS)
      .map(([key, read]) => [key, optional(given, key, read)] as const)
      .filter(([, value]) => value !== undefined),
  );
}

/** @throws StatusError INVALID_ARGUMENT naming the member */
export function readRegistration(given: JsonObject): Registration {
  const read = readPartialRegistration(given);
  for (const key of REQUIRED) required(given, key, READERS[key]);
  return read as Registration;
}

/** The last part of a path; nothing that leads elsewhere. */
function asFileName(value: unknown, key: string): string {
  const text = asText(value, key);
  const plain = !/[/\\\p{Cc}]/u.test(text) && text !== "." && text !== ".." && text.length <= 255;
  if (plain) return text;
  throw invalid(key, "the name of a file without its folder");
}

function readFiles(value: unknown, key: string): Readonly<Record<string, string>> {
  const entries = Object.entries(asObject(value, key));
  if (entries.length > MOST_FILES) throw invalid(key, `at most ${MOST_FILES} files`);
  for (const [path, digest] of entries) {
    asDigest(digest, `${key}.${path}`);
    for (const part of path.split("/")) asFileName(part, `${key}.${path}`);
  }
  return Object.fromEntries(entries) as Record<string, string>;
}
