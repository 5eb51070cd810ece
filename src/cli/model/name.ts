/** How models are named on the command line: `NAME[:VERSION][@VENDOR]`, or `NAME[:VERSION]@sha256:DIGEST`. */
import type { ArtifactName } from "../../registry/catalog/registry.ts";
import { CliError, Exit } from "../io.ts";

const NAMED = /^([^:@]+)(?::([1-9]\d{0,18}))?(?:@(?:(sha256:[0-9a-f]{64})|([a-z]+)))?$/;

/** @throws CliError that tells the form */
export function parseName(written: string): ArtifactName {
  const [, name, version, digest, vendor] = NAMED.exec(written) ?? [];
  // The last two would lead elsewhere in an address.
  if (name === undefined || name === "." || name === "..") {
    throw new CliError(
      Exit.usage,
      `'${written}' names no model: expected NAME, NAME:VERSION, NAME:VERSION@VENDOR or ` +
        "NAME:VERSION@sha256:<64 hexadecimal digits>",
    );
  }
  return {
    name,
    ...(version === undefined ? {} : { version }),
    ...(vendor === undefined ? {} : { vendor }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** @throws CliError where more is named than a model */
export function parseModel(written: string): string {
  const { name, ...more } = parseName(written);
  if (Object.keys(more).length === 0) return name;
  throw new CliError(Exit.usage, `'${written}': expected the name of a model and nothing more`);
}

/** @throws CliError where a version is missing, or an artifact is named */
export function parseVersion(written: string): { name: string; version: string } {
  const { name, version, ...more } = parseName(written);
  if (version !== undefined && Object.keys(more).length === 0) return { name, version };
  throw new CliError(Exit.usage, `'${written}': expected NAME:VERSION`);
}

export function written({ name, version, vendor, digest }: ArtifactName): string {
  const artifact = digest ?? vendor;
  return name + (version ? `:${version}` : "") + (artifact ? `@${artifact}` : "");
}
