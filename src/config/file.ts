/** The YAML file: nested keys as in the schema; an unknown one is refused with its place. */
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseDocument } from "yaml";
import { keys, sections } from "./keys.ts";
import { suggestion } from "./nearest.ts";
import type { Setting } from "./setting.ts";

const LARGEST_BYTES = 1 << 20;

export interface FileSettings {
  readonly settings: ReadonlyMap<string, Setting>;
  readonly problems: readonly string[];
}

export function readConfigFile(file: string): FileSettings {
  const path = resolve(file);
  const settings = new Map<string, Setting>();
  const problems: string[] = [];
  let content: unknown;
  try {
    content = parseFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.trim() : String(cause);
    return { settings, problems: [`configuration file ${path}: ${reason}`] };
  }
  const origin = `file ${path}`;
  const walk = (object: object, prefix: string) => {
    for (const [part, value] of Object.entries(object)) {
      const name = prefix + part;
      if (keys.has(name)) {
        settings.set(name, { value, origin, folder: dirname(path) });
      } else if (!sections.has(name)) {
        const known = [...keys.keys(), ...sections];
        problems.push(`${path}: unknown key ${name}${suggestion(name, known)}`);
      } else if (isMapping(value)) {
        walk(value, `${name}.`);
      } else if (value !== null) {
        problems.push(`${path}: ${name} holds keys, but here it is ${describeValue(value)}`);
      }
    }
  };
  if (isMapping(content)) walk(content, "");
  else if (content !== null && content !== undefined) {
    problems.push(`${path}: expected keys at the top, got ${describeValue(content)}`);
  }
  return { settings, problems };
}

function parseFile(path: string): unknown {
  const { size } = statSync(path);
  if (size > LARGEST_BYTES) throw new Error("larger than 1 MiB");
  const document = parseDocument(readFileSync(path, "utf8"));
  const [error] = document.errors;
  if (error !== undefined) throw error;
  return document.toJS();
}

function isMapping(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describeValue(value: unknown): string {
  return Array.isArray(value) ? "a list" : `the ${typeof value} ${JSON.stringify(value)}`;
}
