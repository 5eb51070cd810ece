/** What a client over its quota is told: the limit, what is used of it, when to come again, and who can change it. */
import { StatusError, withoutStack } from "../../errors.ts";
import type { Quota } from "../../inference/caller.ts";
import type { OverQuota } from "./tenant-usage.ts";

const MEANING: Readonly<Record<keyof Quota, string>> = {
  rowsPerSecond: "rows a second",
  bytesPerSecond: "bytes a second",
  concurrentBytes: "bytes of requests at once",
  deviceSecondsPerDay: "device seconds in 24 hours",
};

export class QuotaError extends StatusError {
  readonly limit: keyof Quota;

  constructor(limit: keyof Quota, message: string, retryMs: number) {
    super("RESOURCE_EXHAUSTED", message, { retryMs });
    this.limit = limit;
  }
}

export function quotaRefusal(
  tenant: string,
  { limit, allowed, current, retryMs }: OverQuota,
  asked: { readonly rows: number; readonly bytes: number },
): QuotaError {
  const amount =
    limit === "deviceSecondsPerDay"
      ? ""
      : `, this request has ${limit === "rowsPerSecond" ? asked.rows : asked.bytes}`;
  const remedy =
    retryMs === undefined
      ? "it can never fit: send smaller requests"
      : `retry in ${inWords(retryMs)}`;
  const text =
    `tenant '${tenant}' is over its quota '${limit}': ${rounded(current)} of ${allowed} ${MEANING[limit]} are ` +
    `used${amount}; ${remedy}, or ask the operator for more`;
  return withoutStack(() => new QuotaError(limit, text, retryMs ?? -1));
}

const rounded = (value: number) => Number(value.toPrecision(6));

function inWords(ms: number): string {
  if (ms < 10_000) return `${ms} ms`;
  return ms < 600_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.ceil(ms / 60_000)} min`;
}
