/** The `grpc-timeout` header: at most eight digits and a unit. */

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;

/** @returns ms, with a fraction below one; undefined for what is no timeout. */
export function parseTimeoutMs(header: string): number | undefined {
  const match = TIMEOUT.exec(header);
  if (!match) return undefined;
  return Number(match[1]) * (MS_PER_UNIT[match[2] ?? ""] ?? 0);
}
