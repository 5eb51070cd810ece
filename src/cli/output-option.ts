/** `-o table|json|yaml`, the same in every command that prints a result. */
import { Option } from "commander";
import type { Io } from "./io.ts";

export type OutputFormat = "json" | "table" | "yaml";

export function outputOption(): Option {
  return new Option("-o, --output <format>", "how the result is printed")
    .choices(["table", "json", "yaml"])
    .default("table");
}

/** @param asText lines for people, with the final newline; made only where they are wanted */
export async function print(
  io: Io,
  format: OutputFormat,
  value: unknown,
  asText: () => string,
): Promise<void> {
  if (format === "table") io.out(asText());
  else io.out(format === "json" ? asJson(value) : await asYaml(value));
}

export function asJson(value: unknown): string {
  return escaped(`${JSON.stringify(value, null, 2)}\n`);
}

async function asYaml(value: unknown): Promise<string> {
  const { stringify } = await import("yaml");
  // Through JSON, so that both formats leave out the same.
  return escaped(stringify(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false }));
}

/** JSON leaves these as they are, and terminals obey them; texts with them are in quotes in both formats. */
function escaped(text: string): string {
  return text.replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}
