/** Which tools may have made an artifact: the oldest version, and versions that are known to be wrong. */
import type { ArtifactFacts } from "../../../backends/contract.ts";
import type { Vendor } from "../catalog/types.ts";

export interface ToolRule {
  /** As `toolsOf` calls it. */
  readonly tool: string;
  readonly minimum?: string;
  readonly why?: string;
  readonly denied?: readonly { readonly version: string; readonly why: string }[];
}

export interface Tool {
  readonly tool: string;
  /** As it is written, e.g. `2021.1`. */
  readonly version: string;
}

/** The oldest that the readers of `backends/` understand; they name them in their remedies. */
const RULES: Partial<Readonly<Record<Vendor, readonly ToolRule[]>>> = {
  xilinx: [{ tool: "v++", minimum: "2020.1", why: "older ones describe memory in another way" }],
  intel: [{ tool: "aoc", minimum: "19.1", why: "older ones do not describe arguments" }],
};

export const toolRules = (vendor: Vendor): readonly ToolRule[] => RULES[vendor] ?? [];

/** What an artifact says of the tools that made it; empty where it says nothing. */
export function toolsOf(format: string, { details = {} }: ArtifactFacts): readonly Tool[] {
  switch (format) {
    case "xclbin":
    case "awsxclbin": {
      const { linkedBy, packagedBy } = record(details["build"]);
      return [linkedBy, packagedBy].flatMap(nameAndVersion);
    }
    case "aocx":
    case "aocr":
      return nameAndVersion(text(details["version"]) && `aoc ${text(details["version"])}`);
    case "xmodel":
      return Object.keys(record(details["tools"])).flatMap((key) =>
        nameAndVersion(key.replace(":", " ")),
      );
    case "onnx":
      return nameAndVersion(details["producer"]);
    default:
      return [];
  }
}

/** Negative: `one` is older. Numbers are compared as such, whatever stands between them. */
export function compareVersions(one: string, other: string): number {
  const [ours, theirs] = [numbersOf(one), numbersOf(other)];
  for (let at = 0; at < Math.max(ours.length, theirs.length); at++) {
    const difference = (ours[at] ?? 0) - (theirs[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const numbersOf = (version: string) => (version.match(/\d+/g) ?? []).slice(0, 8).map(Number);

function nameAndVersion(written: unknown): readonly Tool[] {
  const words = text(written).trim().split(/\s+/);
  const version = words.length > 1 ? (words.pop() ?? "") : "";
  const tool = words.join(" ");
  return tool === "" ? [] : [{ tool, version }];
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
