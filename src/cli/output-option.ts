/** `-o json|table`, the same in every command that prints a result. */
import { Option } from "commander";

export type OutputFormat = "json" | "table";

export function outputOption(): Option {
  return new Option("-o, --output <format>", "how the result is printed")
    .choices(["table", "json"])
    .default("table");
}

export function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
