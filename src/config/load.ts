/** Flags, environment, file and defaults become one configuration: flag > env > file > default. */
import { resolve } from "node:path";
import { CONFIG_VARIABLE, readEnvironment } from "./env.ts";
import { readConfigFile } from "./file.ts";
import { type Flag, flags } from "./flags.ts";
import { type Key, keys } from "./keys.ts";
import { REDACTED, redacted } from "./redacted.ts";
import { broken, type Config, exposedListeners, plainCredentials, settle } from "./rules.ts";
import { configSchema, type ParsedConfig } from "./schema.ts";
import type { Setting } from "./setting.ts";
import { parseBoolean, parseWritten } from "./written.ts";

export type { Config } from "./rules.ts";

export interface ConfigSources {
  /** Values as typed, by flag name without dashes, in the order given. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly env: NodeJS.ProcessEnv;
  /** From `--config`; before the environment's BEAMGATE_CONFIG. */
  readonly file?: string | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  /** One line each, for the log of every start. */
  readonly warnings: readonly string[];
  /** Where each key's value came from; `default` where nobody set it. */
  readonly origins: ReadonlyMap<string, string>;
}

/** Everything wrong with a configuration at once: each problem names the key, the source and the remedy. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** @throws ConfigError */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const file = sources.file ?? sources.env[CONFIG_VARIABLE];
  const fromFile = file ? readConfigFile(file) : { settings: new Map(), problems: [] };
  const fromEnv = readEnvironment(sources.env);
  const fromFlags = readFlags(sources.flags);

  // Later entries win: a Map keeps one value per key.
  const settings = new Map<string, Setting>([
    ...fromFile.settings,
    ...fromEnv.settings,
    ...fromFlags.settings,
  ]);
  const problems = [...fromFile.problems, ...fromEnv.problems, ...fromFlags.problems];
  const parsed = validate(settings, problems);
  if (parsed === undefined || problems.length > 0) throw new ConfigError(problems);

  const config = settle(parsed);
  const combinations = broken(config);
  if (combinations.length > 0) throw new ConfigError(combinations);
  const exposed = config.auth.tenantsFile === undefined ? exposedListeners(config) : [];
  const open = `NO AUTHENTICATION: anybody who reaches ${exposed.join(", ")} can use this server`;
  return {
    config,
    warnings: [
      ...(exposed.length > 0 ? [open] : []),
      ...plainCredentials(config),
      ...fromFlags.warnings,
      ...fromEnv.warnings,
    ],
    origins: new Map([...keys.keys()].map((key) => [key, settings.get(key)?.origin ?? "default"])),
  };
}

const flagsByName = new Map(flags.map((flag) => [flag.name, flag]));

function readFlags(typed: ConfigSources["flags"]) {
  const settings = new Map<string, Setting>();
  const warnings: string[] = [];
  const problems: string[] = [];
  for (const [name, values] of typed) {
    const flag = flagsByName.get(name);
    if (flag?.spread !== undefined) {
      spreadFlag(flag.name, flag.spread, values, settings, problems);
      continue;
    }
    const key = flag?.key === undefined ? undefined : keys.get(flag.key);
    if (flag === undefined || key === undefined) {
      warnings.push(`--${name} is accepted and ignored: ${flag?.ignored ?? "unknown"}`);
      continue;
    }
    try {
      const before = settings.get(key.name)?.value;
      const value = flagValue(flag, key, values, before);
      settings.set(key.name, { value, origin: `flag --${name}`, folder: process.cwd() });
    } catch (cause) {
      problems.push(`--${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
  return { settings, warnings, problems };
}

/** A flag whose values each set a key: `--trace-config rate=1 --trace-config mode=opentelemetry`. */
function spreadFlag(
  name: string,
  spread: NonNullable<Flag["spread"]>,
  values: readonly string[],
  settings: Map<string, Setting>,
  problems: string[],
): void {
  const set = new Set<string>();
  for (const typed of values) {
    try {
      const one = spread(typed);
      const key = keys.get(one.key);
      if (key === undefined) throw new Error(`no key ${one.key}`);
      // The first value of a list replaces what another flag set, the others add to it.
      const before = set.has(key.name) ? settings.get(key.name)?.value : undefined;
      const read = parseWritten(key, one.written);
      const value = Array.isArray(before) && Array.isArray(read) ? [...before, ...read] : read;
      settings.set(key.name, { value, origin: `flag --${name}`, folder: process.cwd() });
      set.add(key.name);
    } catch (cause) {
      problems.push(`--${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
}

/** `before`: what another flag of the same key gave (`--model-store` beside `--model-repository`). */
function flagValue(flag: Flag, key: Key, values: readonly string[], before: unknown): unknown {
  if (flag.read !== undefined) return flag.read(values);
  if (flag.kind === "list") return [...(Array.isArray(before) ? before : []), ...values];
  const last = values.at(-1) ?? "";
  if (flag.kind === "level") {
    const flipped = parseBoolean(last);
    return flipped === undefined ? parseWritten(key, last) : Number(flipped);
  }
  const value = parseWritten(key, last);
  return flag.negated === true && typeof value === "boolean" ? !value : value;
}

function validate(
  settings: ReadonlyMap<string, Setting>,
  problems: string[],
): ParsedConfig | undefined {
  const result = configSchema.safeParse(nest(settings));
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const path = issue.path.map(String);
    const name = [...path.keys()].map((end) => path.slice(0, end + 1).join("."));
    const key = name.find((candidate) => keys.has(candidate)) ?? path.join(".");
    const setting = settings.get(key);
    const shown = keys.get(key)?.secret ? REDACTED : JSON.stringify(redacted(setting?.value));
    const source = setting === undefined ? "" : ` (${setting.origin} says ${shown})`;
    problems.push(`${path.join(".")}: ${issue.message}${source}`);
  }
  return undefined;
}

/** `{"grpc.port": 1}` → `{grpc: {port: 1}}`; names come from the schema, never from outside. */
function nest(settings: ReadonlyMap<string, Setting>): object {
  const top: Record<string, unknown> = {};
  for (const [name, setting] of settings) {
    const parts = name.split(".");
    const last = parts.pop() ?? name;
    let place = top;
    for (const part of parts) {
      place[part] ??= {};
      place = place[part] as Record<string, unknown>;
    }
    place[last] = keys.get(name)?.path ? absolute(setting) : setting.value;
  }
  return top;
}

/** Paths as absolute ones; anything that is no path is left for the schema to judge. */
function absolute({ value, folder }: Setting): unknown {
  const one = (path: unknown) =>
    typeof path !== "string" || path === "" || path.includes("://") ? path : resolve(folder, path);
  return Array.isArray(value) ? value.map(one) : one(value);
}
