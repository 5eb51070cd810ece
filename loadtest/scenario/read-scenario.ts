/** Scenarios from YAML: presets by name, or files of one's own. Wrong keys and values are refused with their place. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { suggestion } from "../../src/config/nearest.ts";
import { StatusError } from "../../src/errors.ts";
import { packageRoot } from "../../src/package-root.ts";
import { type Scenario, scenarioSchema } from "./schema.ts";

const PRESETS = join(packageRoot, "loadtest", "scenarios");
const LARGEST_BYTES = 1 << 20;

export interface Preset {
  readonly name: string;
  readonly title: string;
  readonly file: string;
}

/** The scenarios that come along, by name. */
export function presets(): Preset[] {
  return presetFiles().map(({ name, file }) => ({
    name,
    file,
    title: readScenarioFile(file).title,
  }));
}

/** Without a look into them. */
export function presetNames(): string[] {
  return presetFiles().map(({ name }) => name);
}

function presetFiles(): { readonly name: string; readonly file: string }[] {
  return readdirSync(PRESETS)
    .filter((file) => file.endsWith(".yaml"))
    .sort()
    .map((file) => ({ name: basename(file, ".yaml"), file: join(PRESETS, file) }));
}

export interface FoundScenario {
  readonly scenario: Scenario;
  /** Files that it names are relative to it. */
  readonly file: string;
}

/** @param given name of a preset, or a file. @throws StatusError that tells what there is, or what is wrong */
export function findScenario(given: string): FoundScenario {
  const all = presetFiles();
  const preset = all.find(({ name }) => name === given.toLowerCase());
  const file = preset?.file ?? resolve(given);
  if (preset === undefined && !isFile(file)) {
    const names = all.map(({ name }) => name);
    throw new StatusError(
      "NOT_FOUND",
      `no preset and no file '${given}'${suggestion(given, names)}; presets: ${names.join(", ")}`,
    );
  }
  return { scenario: readScenarioFile(file), file };
}

function readScenarioFile(file: string): Scenario {
  if (statSync(file).size > LARGEST_BYTES) {
    throw new StatusError("INVALID_ARGUMENT", `${file}: larger than 1 MiB, no scenario`);
  }
  return parseScenario(readFileSync(file, "utf8"), file);
}

/** @param file for messages. @throws StatusError with every mistake, one a line */
export function parseScenario(text: string, file: string): Scenario {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) throw new StatusError("INVALID_ARGUMENT", `${file}: ${error.message}`);
  const read = scenarioSchema.safeParse(document.toJS(), { reportInput: true });
  if (read.success) return checked(read.data, file);
  const problems = read.error.issues.flatMap((issue) => problemsOf(issue, []));
  throw new StatusError("INVALID_ARGUMENT", problems.map((text) => `${file}: ${text}`).join("\n"));
}

/** What the types cannot say. */
function checked(scenario: Scenario, file: string): Scenario {
  const names = scenario.streams.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) {
    throw new StatusError("INVALID_ARGUMENT", `${file}: streams: '${twice}' comes twice`);
  }
  for (const { name, tenant } of scenario.streams) {
    if (tenant === "default" || tenant in scenario.tenants) continue;
    const known = Object.keys(scenario.tenants);
    throw new StatusError(
      "INVALID_ARGUMENT",
      `${file}: streams.${name}.tenant: '${tenant}' is not among tenants (${known.join(", ") || "there are none"})${suggestion(tenant, known)}`,
    );
  }
  return scenario;
}

type Issue = z.core.$ZodIssue;

function problemsOf(issue: Issue, above: readonly PropertyKey[]): string[] {
  const path = [...above, ...issue.path];
  const place = path.length === 0 ? "" : `${path.join(".")}: `;
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => `${place}unknown key ${key}${suggestion(key, knownKeys())}`);
    case "invalid_union": {
      if (issue.errors.length === 0) {
        const { kind } = (issue.input ?? {}) as { readonly kind?: unknown };
        const options = "options" in issue && Array.isArray(issue.options) ? issue.options : [];
        const known = options.map(String);
        const near = typeof kind === "string" ? suggestion(kind, known) : "";
        return [`${place}no kind '${String(kind ?? "")}'${near}; there are ${known.join(", ")}`];
      }
      // The form that was meant is the one with the fewest mistakes.
      const [nearest = []] = [...issue.errors].sort((a, b) => weight(a) - weight(b));
      return nearest.flatMap((inner) => problemsOf(inner, path));
    }
    default:
      return [`${place}${issue.message}`];
  }
}

/** A value of another type altogether was hardly meant. */
function weight(issues: readonly Issue[]): number {
  return issues.reduce((sum, { code, path }) => {
    return sum + (code === "invalid_type" && path.length === 0 ? 10 : 1);
  }, 0);
}

/** Every key that the schema has anywhere. */
function knownKeys(): Set<string> {
  const keys = new Set<string>();
  const walk = (node: unknown) => {
    if (typeof node !== "object" || node === null) return;
    const { properties } = node as { readonly properties?: object };
    for (const key of Object.keys(properties ?? {})) keys.add(key);
    for (const inner of Object.values(node)) walk(inner);
  };
  walk(scenarioJsonSchema());
  return keys;
}

/** JSON Schema of a scenario's file: what editors complete and check with. */
export function scenarioJsonSchema(): object {
  return z.toJSONSchema(scenarioSchema, { io: "input" });
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
