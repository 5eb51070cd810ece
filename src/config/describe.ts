/** The merged configuration for people: every key with its value and where it came from. */
import { keys } from "./keys.ts";
import type { LoadedConfig } from "./load.ts";
import { REDACTED, redacted } from "./redacted.ts";

export interface DescribedKey {
  readonly key: string;
  readonly value: unknown;
  /** `default`, `flag --x`, `env X`, `file x`. */
  readonly origin: string;
  readonly meaning: string;
  readonly unit?: string;
}

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
