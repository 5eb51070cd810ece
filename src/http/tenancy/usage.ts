/** `GET /v2/beamgate/usage`: who used what, from the ledger. */
import type { FastifyInstance } from "fastify";
import { StatusError } from "../../errors.ts";
import { isCalendarDay } from "../../inference/calendar-day.ts";
import {
  type HourlyUsage,
  inSteps,
  type UsageSpan,
  type UsageStep,
  usageCsv,
} from "../../inference/usage.ts";
import { route } from "../app.ts";

export type UsageSource = (span: UsageSpan) => Promise<readonly HourlyUsage[]>;

export const USAGE = "/v2/beamgate/usage";

const DAY_MS = 86_400_000;
const STEPS = ["hour", "day", "total"] as const;
const FORMATS = ["json", "csv"] as const;
const KNOWN = ["from", "to", "by", "tenant", "format"];

/** @param usage undefined: no ledger is kept */
export function addUsage(
  app: FastifyInstance,
  usage: UsageSource | undefined,
  wallMs: () => number = Date.now,
): void {
  route(app, "GET", USAGE, async ({ query }, reply) => {
    if (usage === undefined) throw noLedger();
    const { span, step, tenant, format } = readQuery(query as Query, wallMs());
    const lines = inSteps(await usage(span), step).filter(
      (line) => tenant === undefined || line.tenant === tenant,
    );
    if (format === "json") return reply.send(lines);
    return reply.header("content-type", "text/csv; charset=utf-8").send(usageCsv(lines, step));
  });
}

type Query = Readonly<Record<string, unknown>>;

/** @throws StatusError naming what is wrong with it */
function readQuery(query: Query, now: number) {
  const unknown = Object.keys(query).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw wrong(unknown, `one of ${KNOWN.join(", ")}`);
  const toMs = timeOf(query, "to") ?? now;
  const fromMs = timeOf(query, "from") ?? toMs - DAY_MS;
  if (fromMs >= toMs) throw wrong("from", "a time before 'to'");
  const { tenant } = query;
  return {
    span: { fromMs, toMs },
    step: oneOf<UsageStep>(query, "by", STEPS),
    format: oneOf(query, "format", FORMATS),
    tenant: typeof tenant === "string" && tenant !== "" ? tenant : undefined,
  };
}

/** A date, or a date and a time with its zone; ms since 1970. */
function timeOf(query: Query, name: string): number | undefined {
  const given = query[name];
  if (given === undefined) return undefined;
  const plain =
    typeof given === "string" && /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(given);
  const read = plain && isCalendarDay(given.slice(0, 10)) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(read)) throw wrong(name, "a date, or a time such as 2026-11-28T12:00Z");
  return read;
}

function oneOf<T extends string>(query: Query, name: string, known: readonly T[]): T {
  const given = query[name] ?? known[0];
  const found = known.find((each) => each === given);
  if (found === undefined) throw wrong(name, `one of ${known.join(", ")}`);
  return found;
}

function wrong(name: string, expected: string): StatusError {
  return new StatusError(
    "INVALID_ARGUMENT",
    `'${name}' of a question for usage: expected ${expected}`,
  );
}

function noLedger(): StatusError {
  const remedy = "name a folder for it (tenancy.folder)";
  return new StatusError("UNIMPLEMENTED", `this gateway keeps no ledger of usage: ${remedy}`);
}
