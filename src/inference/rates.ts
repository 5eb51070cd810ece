/** Rates between two moments, of counters that only grow. Pure; what cannot be known is absent, never 0. */

/** What a model version has done. */
export interface ModelWork {
  /** Answered as asked. */
  readonly requests: number;
  readonly failed: number;
  readonly rows: number;
  readonly executions: number;
  /** Of answered requests, summed. */
  readonly queueNs: number;
  /** Of those that a device computed, and how many they are. */
  readonly computeNs: number;
  readonly computed: number;
}

export interface ModelRates {
  readonly requestsPerSecond: number;
  readonly rowsPerSecond: number;
  readonly failuresPerSecond: number;
  /** Rows of a batch, mean; absent where none ran. */
  readonly batchRows?: number;
  /** Of a request, mean; absent where none was answered, or computed. */
  readonly queueMs?: number;
  readonly computeMs?: number;
}

/** What a device has done, as far as it is measured. */
export interface DeviceWork {
  readonly busySeconds?: number;
  readonly rows?: number;
}

export interface DeviceRates {
  /** Part of the time that it executed, 0 to 1. */
  readonly busy?: number;
  readonly rowsPerSecond?: number;
}

/** A counter that fell belongs to somebody who began anew: it counts from 0. @param before undefined: it was not there */
export const grown = (before: number | undefined, now: number) =>
  before === undefined || now < before ? now : now - before;

/** @param before undefined: the version was not there yet. @param seconds between the two, > 0 */
export function modelRates(
  before: ModelWork | undefined,
  now: ModelWork,
  seconds: number,
): ModelRates {
  const grew = (what: keyof ModelWork) => grown(before?.[what], now[what]);
  const [requests, rows, executions] = [grew("requests"), grew("rows"), grew("executions")];
  const computed = grew("computed");
  return {
    requestsPerSecond: requests / seconds,
    rowsPerSecond: rows / seconds,
    failuresPerSecond: grew("failed") / seconds,
    ...(executions > 0 ? { batchRows: rows / executions } : {}),
    ...(requests > 0 ? { queueMs: grew("queueNs") / requests / 1e6 } : {}),
    ...(computed > 0 ? { computeMs: grew("computeNs") / computed / 1e6 } : {}),
  };
}

/** @param before undefined: nobody told of the device. @param seconds between the two, > 0 */
export function deviceRates(
  before: DeviceWork | undefined,
  now: DeviceWork,
  seconds: number,
): DeviceRates {
  if (before === undefined) return {};
  const { busySeconds, rows } = now;
  return {
    ...(busySeconds === undefined
      ? {}
      : { busy: Math.min(1, grown(before.busySeconds, busySeconds) / seconds) }),
    ...(rows === undefined ? {} : { rowsPerSecond: grown(before.rows, rows) / seconds }),
  };
}
