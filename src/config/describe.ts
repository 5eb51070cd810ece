/** The merged configuration for people: every key with its value and where it came from. */
import { keys } from "./keys.ts";
import type { LoadedConfig } from "./load.ts";

export interface DescribedKey {
  readonly key: string;
  readonly value: unknown;
  /** `default`, `flag --x`, `env X`, `file x`. */
  readonly origin: string;
  readonly meaning: string;
  readonly unit?: string;
}

const REDACTED = "(redacted)";
/** Names under which options of backends hold what nobody else may read. */
const SECRET_NAME =
  /(password|passwd|passphrase|secret|token|credential|api_?-?key|private_?-?key|authorization|headers)/i;

export function describeConfig({ config, origins }: LoadedConfig): DescribedKey[] {
  return [...keys.values()].map((key) => {
    const value = valueAt(config, key.name);
    return {
      key: key.name,
      value: key.secret && value !== undefined ? REDACTED : redacted(value),
      origin: origins.get(key.name) ?? "default",
      meaning: key.meaning,
      ...(key.unit === undefined ? {} : { unit: key.unit }),
    };
  });
}

function valueAt(config: object, name: string): unknown {
  let value: unknown = config;
  for (const part of name.split(".")) {
    value = (value as Readonly<Record<string, unknown>> | undefined)?.[part];
  }
  return value;
}

/** A copy in which values under telling names are hidden, at any depth. */
function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      SECRET_NAME.test(name) ? REDACTED : redacted(inner),
    ]),
  );
}
