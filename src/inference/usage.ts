/** What somebody used, as the ledger keeps it: plain numbers that add up. */

/** What a count is about. */
export interface UsageKey {
  readonly tenant: string;
  /** Empty: the request named no model that is there. */
  readonly model: string;
  readonly version: string;
  /** Of a model with several variants; else empty. */
  readonly variant: string;
  /** `<vendor>/<platform>`; empty: no device executed it (refused, from the cache, an ensemble). */
  readonly device: string;
}

export interface UsageCounts {
  /** Answered as asked. With those of `refused` they are all that came. */
  readonly requests: number;
  /** Of answered requests: rows, and bytes of their tensors. */
  readonly rows: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Time of batches, parted by rows; also of requests whose clients went away meanwhile. */
  readonly deviceSeconds: number;
  /** Energy of the device during `measuredSeconds` of those; null: nobody measured any. */
  readonly joules: number | null;
  readonly measuredSeconds: number;
  /** Requests that were not answered, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

export interface UsageLine extends UsageKey, UsageCounts {}

/** A `UsageLine` and the hour it is of, e.g. `2026-11-28T12`, UTC. */
export interface HourlyUsage extends UsageLine {
  readonly hour: string;
}

export const NO_USAGE: UsageCounts = {
  requests: 0,
  rows: 0,
  bytesIn: 0,
  bytesOut: 0,
  deviceSeconds: 0,
  joules: null,
  measuredSeconds: 0,
  refused: {},
};

export const keyText = ({ tenant, model, version, variant, device }: UsageKey) =>
  JSON.stringify([tenant, model, version, variant, device]);

export function added(one: UsageCounts, other: UsageCounts): UsageCounts {
  const refused = { ...one.refused };
  for (const [reason, count] of Object.entries(other.refused)) {
    refused[reason] = (refused[reason] ?? 0) + count;
  }
  return {
    requests: one.requests + other.requests,
    rows: one.rows + other.rows,
    bytesIn: one.bytesIn + other.bytesIn,
    bytesOut: one.bytesOut + other.bytesOut,
    deviceSeconds: one.deviceSeconds + other.deviceSeconds,
    joules: sumOfMeasured(one.joules, other.joules),
    measuredSeconds: one.measuredSeconds + other.measuredSeconds,
    refused,
  };
}

const sumOfMeasured = (one: number | null, other: number | null) =>
  one === null ? other : one + (other ?? 0);

/** Lines of one key become one, in the order in which they are first met. */
export function summed(lines: Iterable<UsageLine>): UsageLine[] {
  const sums = new Map<string, UsageLine>();
  for (const line of lines) {
    const key = keyText(line);
    const known = sums.get(key);
    sums.set(key, known === undefined ? line : { ...known, ...added(known, line) });
  }
  return [...sums.values()];
}

/** Hours of a request for usage: from the one of `fromMs` to the one before `toMs`, ms since 1970. */
export interface UsageSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

const HOUR_MS = 3_600_000;

/** `2026-11-28T12` */
export const hourOf = (wallMs: number) => new Date(wallMs).toISOString().slice(0, 13);

export const hourStartMs = (hour: string) => Date.parse(`${hour}:00:00Z`);

/** Whether some of the hour lies in it. */
export function touches({ fromMs, toMs }: UsageSpan, hour: string): boolean {
  const start = hourStartMs(hour);
  return start < toMs && start + HOUR_MS > fromMs;
}

const COLUMNS = [
  ...["tenant", "model", "version", "variant", "device"],
  ...["requests", "rows", "bytesIn", "bytesOut", "deviceSeconds", "measuredSeconds", "joules"],
] as const;

/**
 * RFC 4180, with a head; a column for every reason that occurs. What was not measured is an empty cell.
 * @param step of the lines: the name of the first column, which lines of a whole span do not have
 */
export function usageCsv(lines: readonly HourlyUsage[], step: UsageStep): string {
  const time = step === "total" ? [] : [step];
  const reasons = [...new Set(lines.flatMap(({ refused }) => Object.keys(refused)))].toSorted();
  const head = [...time, ...COLUMNS, ...reasons.map((reason) => `refused:${reason}`)];
  const rows = lines.map((line) => [
    ...time.map(() => line.hour),
    ...COLUMNS.map((column) => line[column]),
    ...reasons.map((reason) => line.refused[reason] ?? 0),
  ]);
  return [head, ...rows].map((row) => `${row.map(csvCell).join(",")}\r\n`).join("");
}

function csvCell(value: unknown): string {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** How fine the lines are: of an hour, of a day (UTC), or of the whole span. */
export type UsageStep = "hour" | "day" | "total";

const HOUR_DIGITS: Readonly<Record<UsageStep, number>> = { hour: 13, day: 10, total: 0 };

/** Lines of one key and step become one; its `hour` is as much of it as they share. */
export function inSteps(lines: readonly HourlyUsage[], step: UsageStep): HourlyUsage[] {
  const byStep = new Map<string, HourlyUsage[]>();
  for (const line of lines) {
    const name = line.hour.slice(0, HOUR_DIGITS[step]);
    const group = byStep.get(name);
    if (group === undefined) byStep.set(name, [line]);
    else group.push(line);
  }
  return [...byStep].flatMap(([hour, group]) => summed(group).map((line) => ({ ...line, hour })));
}
