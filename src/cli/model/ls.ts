/** `model ls`: a row an artifact. */
import type { Command } from "commander";
import type { ListedArtifact } from "../../http/registry/listed.ts";
import type { Io } from "../io.ts";
import { print } from "../output-option.ts";
import { paint } from "../paint.ts";
import { table } from "../table.ts";
import { type AskOptions, ask, asking, REGISTRY } from "./asking.ts";
import { aliasWords, bytesText, colourOf, figure, isRow } from "./words.ts";

interface Options extends AskOptions {
  readonly all?: true;
  readonly wide?: true;
  readonly vendor?: string;
  readonly state?: string;
}

/** All but retired: what may serve, and what somebody has to look at. */
const SHOWN = "uploaded,validated,verified,ready,refused,served";

export function lsCommand(io: Io): Command {
  return asking("ls", "List what is registered, and what serves from folders without registration.")
    .argument("[name]", "models of this name; * stands for any characters")
    .option("--vendor <vendors>", "of these vendors, with commas")
    .option("--state <states>", "in these states, with commas")
    .option("--all", "also what is retired")
    .option("--wide", "more columns")
    .action(async (name: string | undefined, options: Options) => {
      const { vendor, all, state = all ? undefined : SHOWN } = options;
      const query = new URLSearchParams();
      for (const [key, value] of Object.entries({ name, vendor, state })) {
        if (value !== undefined) query.set(key, value);
      }
      const answer = (await ask(options, io, "GET", `${REGISTRY}?${query}`)) as {
        readonly artifacts?: unknown;
      };
      await print(io, options.output, answer, () => {
        const artifacts = Array.isArray(answer.artifacts) ? answer.artifacts.filter(isRow) : [];
        if (artifacts.length === 0) return "Nothing is registered, or nothing of that kind.\n";
        return `${asTable(artifacts, options.wide === true, io.colour)}\n`;
      });
    });
}

const HEAD = [
  ...["NAME", "VERSION", "ALIASES", "VENDOR", "PLATFORM", "STATE"],
  ...["VERDICT", "ERROR", "EMULATED"],
];
const WIDE = ["VARIANT", "FORMAT", "CLASS", "SIZE", "PINNED BY", "REGISTERED", "DIGEST", "REASON"];
const COLOURED = [HEAD.indexOf("STATE"), HEAD.indexOf("VERDICT")];

function asTable(rows: readonly ListedArtifact[], wide: boolean, colour: boolean): string {
  return table(
    wide ? [...HEAD, ...WIDE] : HEAD,
    rows.map((row) => (wide ? [...shortRow(row), ...wideRow(row)] : shortRow(row))),
    (cell, column) =>
      COLOURED.includes(column) ? paint(cell, colourOf(cell.trimEnd()), colour) : cell,
  );
}

function shortRow({ verdict, aliases = [], ...row }: ListedArtifact): string[] {
  return [
    row.name,
    row.version,
    aliases.map(aliasWords).join(", ") || "-",
    row.vendor,
    row.platform,
    row.state,
    verdict === undefined ? "-" : verdict.passed ? "passed" : "failed",
    verdict === undefined ? "-" : figure(verdict.worst, verdict.unit),
    verdict === undefined ? "-" : verdict.emulated ? "yes" : "no",
  ].map(String);
}

function wideRow(row: ListedArtifact): string[] {
  return [
    row.variant,
    row.format,
    row.numericClass,
    row.sizeBytes === undefined ? "-" : bytesText(row.sizeBytes),
    row.pinnedBy ?? "-",
    row.registeredAt ?? "-",
    row.digest ?? "-",
    row.reason ?? "-",
  ].map(String);
}
