/**
 * Environment variables: `BEAMGATE_GRPC_PORT` sets `grpc.port`, and
 * `BEAMGATE_GRPC_PORT_FILE` names a file that holds the value (for secrets that
 * are mounted).
 */
import { readFileSync, statSync } from "node:fs";
import { keys } from "./keys.ts";
import { suggestion } from "./nearest.ts";
import type { Setting } from "./setting.ts";
import { parseWritten } from "./written.ts";

const PREFIX = "BEAMGATE_";
/** Names the configuration file itself. */
export const CONFIG_VARIABLE = `${PREFIX}CONFIG`;
/** Of the command line, which says with them which gateway it asks, and for whom. */
const CLIENT_VARIABLES = ["URL", "USER", "CACERT", "CERT", "KEY", "API_KEY_FILE"].map(
  (name) => PREFIX + name,
);
const LONGEST_FILE_BYTES = 1 << 20;

export function variableName(key: string): string {
  return (
    PREFIX +
    key
      .replaceAll(".", "_")
      .replace(/[A-Z]/g, (big) => `_${big}`)
      .toUpperCase()
  );
}

const byVariable = new Map([...keys.values()].map((key) => [variableName(key.name), key]));

/**
 * Kubernetes sets `<SERVICE>_PORT=tcp://...` and its kin in every pod: a service
 * that happens to be called `beamgate` or `beamgate-grpc` is not a setting.
 */
function fromKubernetes(name: string, value: string): boolean {
  return (
    /^(tcp|udp|sctp):\/\//.test(value) ||
    /_SERVICE_(HOST|PORT(_\w+)?)$/.test(name) ||
    /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name)
  );
}

export interface EnvironmentSettings {
  readonly settings: ReadonlyMap<string, Setting>;
  readonly warnings: readonly string[];
  readonly problems: readonly string[];
}

export function readEnvironment(env: NodeJS.ProcessEnv): EnvironmentSettings {
  const settings = new Map<string, Setting>();
  const warnings: string[] = [];
  const problems: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || name === CONFIG_VARIABLE) continue;
    if (CLIENT_VARIABLES.includes(name)) continue;
    if (value === undefined || fromKubernetes(name, value)) continue;
    const direct = byVariable.get(name);
    const fromFile = name.endsWith("_FILE") ? byVariable.get(name.slice(0, -5)) : undefined;
    const key = direct ?? fromFile;
    if (key === undefined) {
      warnings.push(
        `environment variable ${name} sets nothing${suggestion(name, byVariable.keys())}`,
      );
      continue;
    }
    if (direct === undefined && env[name.slice(0, -5)] !== undefined) {
      problems.push(`both ${name.slice(0, -5)} and ${name} are set; unset one of them`);
      continue;
    }
    try {
      const written = direct === undefined ? readSmallFile(value) : value;
      const parsed = parseWritten(key, written);
      settings.set(key.name, { value: parsed, origin: `env ${name}`, folder: process.cwd() });
    } catch (cause) {
      problems.push(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
  return { settings, warnings, problems };
}

function readSmallFile(path: string): string {
  if (statSync(path).size > LONGEST_FILE_BYTES) throw new Error(`${path} is larger than 1 MiB`);
  return readFileSync(path, "utf8").replace(/\r?\n$/, "");
}
