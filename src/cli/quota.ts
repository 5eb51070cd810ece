/** `quota ls|set|reset|audit`: what tenants may use, edited while the gateway runs. */
import { Command } from "commander";
import type { TenantChanged, TenantList, TenantTerms } from "../inference/tenant-report.ts";
import { type GatewayOptions, gatewayAddress, gatewayOptions } from "./gateway-address.ts";
import { askGateway, type Method } from "./gateway-client.ts";
import { CliError, Exit, type Io } from "./io.ts";
import { common, wholeNumber } from "./model/asking.ts";
import { type OutputFormat, outputOption, print } from "./output-option.ts";
import { printable, table } from "./table.ts";

interface Options extends GatewayOptions {
  readonly output: OutputFormat;
}

interface ChangeOptions extends Options {
  readonly dryRun?: boolean;
  readonly generation?: number;
}

const TENANTS = "/v2/beamgate/tenants";
/** As they are typed, and as the gateway names them. */
const LIMITS: Readonly<Record<string, string>> = {
  "rows-per-second": "rowsPerSecond",
  "bytes-per-second": "bytesPerSecond",
  "concurrent-bytes": "concurrentBytes",
  "device-seconds-per-day": "deviceSecondsPerDay",
};
const TERMS = ["weight", "guarantee"];
const UNLIMITED = "none";

export function quotaCommand(io: Io): Command {
  const command = (words: string, description: string) => {
    const made = new Command(words).description(description).addOption(outputOption());
    for (const option of gatewayOptions()) made.addOption(option);
    return made;
  };
  const changing = (words: string, description: string) =>
    command(words, description)
      .argument("<tenant>", "its name")
      .option("--dry-run", "only tell what would change")
      .option(
        "--generation <n>",
        "that the change is made from: refused (exit code 3) where somebody was faster",
        wholeNumber,
      );

  const ls = command("ls", "List tenants: their terms, and what they use of them now.").action(
    async (options: Options) => {
      const list = (await asked(options, io, "GET", TENANTS)) as TenantList;
      await print(io, options.output, list, () => `${asTable(list)}\n`);
    },
  );

  const set = changing(
    "set",
    "Change terms of a tenant at once: NAME=NUMBER, or NAME=none for no limit. Names: " +
      `${[...TERMS, ...Object.keys(LIMITS)].join(", ")}.`,
  )
    .argument("<name=number...>", "what is changed; the rest stays")
    .action(async (tenant: string, settings: readonly string[], options: ChangeOptions) => {
      await change("POST", tenant, readSettings(settings), options, io);
    });

  const reset = changing("reset", "Give a tenant back the terms of the file of tenants.").action(
    (tenant: string, options: ChangeOptions) => change("DELETE", tenant, {}, options, io),
  );

  const audit = command("audit", "Tell who changed what of tenants, newest first.")
    .option("--limit <n>", "at most so many", wholeNumber, 100)
    .action(async (options: Options & { readonly limit: number }) => {
      const path = `/v2/beamgate/tenancy/audit?limit=${options.limit}`;
      const entries = (await asked(options, io, "GET", path)) as readonly Audited[];
      await print(io, options.output, entries, () => `${asAudit(entries)}\n`);
    });

  return new Command("beamgate quota")
    .addCommand(ls)
    .addCommand(set)
    .addCommand(reset)
    .addCommand(audit);
}

async function change(
  method: "POST" | "DELETE",
  tenant: string,
  settings: object,
  options: ChangeOptions,
  io: Io,
): Promise<void> {
  const path = `${TENANTS}/${encodeURIComponent(tenant)}`;
  const body = { ...settings, ...common(options, io), ...(options.dryRun && { dryRun: true }) };
  const changed = (await asked(options, io, method, path, body)) as TenantChanged;
  const done = options.dryRun
    ? `nothing is changed; this is what would be of ${printable(tenant)}:\n`
    : `${printable(tenant)} is changed (generation ${changed.generation})\n`;
  await print(io, options.output, changed, () => `${done}${asDifference(changed)}\n`);
}

/** @throws CliError naming what is wrong */
function readSettings(settings: readonly string[]): object {
  const terms: Record<string, number> = {};
  const quota: Record<string, number | null> = {};
  for (const setting of settings) {
    const [, name = "", text = ""] = /^([a-z-]+)=(.+)$/.exec(setting) ?? [];
    const limit = LIMITS[name];
    const value = Number(text);
    if (limit !== undefined && text === UNLIMITED) quota[limit] = null;
    else if (text.trim() === "" || !Number.isFinite(value)) throw wrong(setting);
    else if (limit !== undefined) quota[limit] = value;
    else if (TERMS.includes(name)) terms[name] = value;
    else throw wrong(setting);
  }
  return { ...terms, ...(Object.keys(quota).length > 0 && { quota }) };
}

function wrong(setting: string): CliError {
  const names = [...TERMS, ...Object.keys(LIMITS)].join(", ");
  const text = `${setting}: expected NAME=NUMBER with one of ${names}`;
  return new CliError(Exit.usage, `${text}; limits may be NAME=${UNLIMITED}`);
}

async function asked(options: Options, io: Io, method: Method, path: string, body?: object) {
  return askGateway(await gatewayAddress(options, io), method, path, body);
}

const HEAD = [
  "TENANT",
  "WEIGHT",
  "GUARANTEE",
  "ROWS/S",
  "BYTES/S",
  "BYTES AT ONCE",
  "DEVICE S/DAY",
  "CHANGED",
];

/** `17/1000`: used, and allowed. */
function asTable({ tenants }: TenantList): string {
  return table(
    HEAD,
    tenants.map(({ name, weight, guarantee, quota, used, changed }) => [
      name,
      String(weight),
      String(guarantee),
      ...Object.values(LIMITS).map((limit) => {
        const allowed = quota[limit as keyof typeof quota];
        if (allowed === undefined) return "-";
        return `${rounded(used[limit as keyof typeof used] ?? 0)}/${allowed}`;
      }),
      changed === undefined ? "-" : "yes",
    ]),
  );
}

const rounded = (value: number) => Number(value.toPrecision(4));

function asDifference({ before, after }: TenantChanged): string {
  const was = flat(before);
  const is = flat(after);
  const rows = Object.keys({ ...was, ...is }).map((name) => [
    ...[name, was[name] ?? "-", is[name] ?? "-"],
  ]);
  return table(["TERM", "BEFORE", "AFTER"], rows);
}

function flat({ weight, guarantee, quota }: TenantTerms): Record<string, string> {
  const limits = Object.entries(LIMITS).map(([typed, limit]) => [
    typed,
    String(quota[limit as keyof typeof quota] ?? UNLIMITED),
  ]);
  return { weight: String(weight), guarantee: String(guarantee), ...Object.fromEntries(limits) };
}

interface Audited {
  readonly at?: string;
  readonly who?: string;
  readonly action?: string;
  readonly generation?: number;
}

function asAudit(entries: readonly Audited[]): string {
  const rows = entries.map(({ at = "-", who = "-", action = "-", generation, ...more }) => [
    ...[at, who, action, String(generation ?? "-"), JSON.stringify(more)],
  ]);
  return table(["AT", "WHO", "ACTION", "GENERATION", "DETAILS"], rows);
}
