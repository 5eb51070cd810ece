/** `model audit`: who changed what, newest first. */
import type { Command } from "commander";
import type { AuditEntry } from "../../registry/catalog/types.ts";
import type { Io } from "../io.ts";
import { print } from "../output-option.ts";
import { table } from "../table.ts";
import { type AskOptions, ask, asking, REGISTRY, wholeNumber } from "./asking.ts";
import { parseModel } from "./name.ts";

const HEAD = ["AT", "WHO", "ACTION", "MODEL", "VERSION", "GENERATION", "DETAILS"];

export function auditCommand(io: Io): Command {
  return asking(
    "audit",
    "Tell who changed what, newest first. Behind `unverified:` a name is what the client said.",
  )
    .argument("[model]", "of this model")
    .option("--limit <n>", "at most so many", wholeNumber, 100)
    .action(async (model: string | undefined, options: AskOptions & { readonly limit: number }) => {
      const query = new URLSearchParams({ limit: String(options.limit) });
      if (model !== undefined) query.set("model", parseModel(model));
      const answer = await ask(options, io, "GET", `${REGISTRY}/audit?${query}`);
      await print(io, options.output, answer, () => {
        const entries = Array.isArray(answer) ? (answer as readonly Partial<AuditEntry>[]) : [];
        if (entries.length === 0) return "Nothing was changed, or nothing of that model.\n";
        return `${table(HEAD, entries.map(rowOf))}\n`;
      });
    });
}

function rowOf(entry: Partial<AuditEntry>): string[] {
  const { at, who, action, model, version, generation, artifact, details } = entry;
  const more = { ...(artifact === undefined ? {} : { artifact }), ...details };
  const told = Object.keys(more).length === 0 ? "-" : JSON.stringify(more);
  return [
    ...[at, who, action, model, version, generation].map((cell) => String(cell ?? "-")),
    told,
  ];
}
