/** The ledger of usage: who used what, counted at the end of each request and kept by the hour. */
import type { Clock } from "../clock.ts";
import type { StatusError } from "../errors.ts";
import { DEFAULT_TENANT } from "../inference/caller.ts";
import type { Account } from "../inference/outcome.ts";
import type { InferCall, ModelSignature, WireRequest } from "../inference/request.ts";
import type { HourlyUsage, UsageSpan } from "../inference/usage.ts";
import type { Service } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import { QuotaError } from "../policy/admission/refusal.ts";
import { EnergyMeter, type ReadPower } from "../telemetry/ledger/energy-meter.ts";
import { HourFiles } from "../telemetry/ledger/hour-files.ts";
import { MemoryHours } from "../telemetry/ledger/hours.ts";
import { Ledger, type OnDeviceTime } from "../telemetry/ledger/ledger.ts";
import { ledgerAccount } from "../telemetry/ledger/ledger-account.ts";
import { ledgerMetrics } from "../telemetry/ledger/ledger-metrics.ts";
import type { LedgerRow } from "../telemetry/ledger/ledger-row.ts";
import { refusalReason } from "../telemetry/ledger/refusal-reason.ts";
import { UsageBook } from "../telemetry/ledger/usage-book.ts";
import type { ReadMetric } from "../telemetry/model-metrics.ts";
import type { Refused } from "./infer-line.ts";

export interface AccountingParts {
  /** undefined: in memory. */
  readonly folder: string | undefined;
  readonly keepDays: number;
  readonly onDeviceTime?: OnDeviceTime;
  /** What devices draw now, W, by id; without those that nobody can measure. Never rejects. */
  readonly power?: ReadPower;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Accounting {
  watching(account: Account): Account;
  readonly refused: Refused;
  usage(span: UsageSpan): Promise<HourlyUsage[]>;
  /** Requests that quotas refused since the start, by tenant; those who met none are left out. */
  throttled(): ReadonlyMap<string, number>;
  readonly metrics: readonly ReadMetric[];
  readonly service: Service;
}

export function createAccounting(parts: AccountingParts): Accounting {
  const { folder, keepDays, onDeviceTime, power, clock, log } = parts;
  const energy = power && new EnergyMeter({ power, clock });
  const ledger = new Ledger(
    onDeviceTime,
    energy && ((row, device, seconds) => energy.used(row, device, seconds)),
  );
  const hours = folder === undefined ? new MemoryHours() : new HourFiles(folder);
  const book = new UsageBook({ ledger, hours, keepDays, wallMs: Date.now, clock, log });
  return {
    watching: (account) => ledgerAccount(account, ledger),
    refused: refusedInto(ledger),
    usage: (span) => book.read(span),
    throttled: () => throttledOf(ledger.rows()),
    metrics: ledgerMetrics(() => ledger.rows()),
    service: {
      name: book.name,
      start: async () => {
        await book.start();
        energy?.start();
      },
      stop: async () => {
        await energy?.stop();
        await book.stop();
      },
    },
  };
}

const BY_QUOTA = "quota-";

function throttledOf(rows: Iterable<LedgerRow>): ReadonlyMap<string, number> {
  const throttled = new Map<string, number>();
  for (const { key, refused } of rows) {
    for (const [reason, count] of Object.entries(refused)) {
      if (!reason.startsWith(BY_QUOTA)) continue;
      throttled.set(key.tenant, (throttled.get(key.tenant) ?? 0) + count);
    }
  }
  return throttled;
}

export function refusedInto(ledger: Pick<Ledger, "refused">): Refused {
  return (wire: WireRequest, call: InferCall, error: StatusError, signature?: ModelSignature) => {
    // The requests of a bundle go on one by one, and are counted then.
    if (wire.bundled !== undefined) return;
    const reason =
      error instanceof QuotaError ? `${BY_QUOTA}${error.limit}` : refusalReason(error.code);
    ledger.refused(call.caller?.tenant ?? DEFAULT_TENANT, signature, reason);
  };
}
