/**
 * Who used what: counted once, where a request ends. Rows are found by the index of the
 * tenant and the identity of the signature, so that no name is hashed per request.
 */
import type { Device } from "../../../backends/contract.ts";
import { DEFAULT_TENANT, type Tenant } from "../../inference/caller.ts";
import type { FailureReason, RequestOutcome } from "../../inference/outcome.ts";
import type { ModelSignature } from "../../inference/request.ts";
import { requestBytes } from "../../inference/request-bytes.ts";
import { keyText, type UsageKey, type UsageLine } from "../../inference/usage.ts";
import { LedgerRow } from "./ledger-row.ts";

/** Reasons of refusals, beside `quota-<limit>` and those of the line (`refusal-reason.ts`). */
const REASONS: Readonly<Record<FailureReason, string>> = {
  REJECTED: "queue",
  CANCELED: "cancelled",
  BACKEND: "backend",
  OTHER: "other",
};

const NONE: Readonly<Record<"name" | "version", string>> = { name: "", version: "" };
const US_PER_S = 1e6;

/** Told of device time as it is used. */
export type OnDeviceTime = (tenant: Tenant, deviceSeconds: number) => void;

/** Told of what a row used of a device. */
export type OnUse = (row: LedgerRow, device: Device, deviceSeconds: number) => void;

export class Ledger {
  /** By index of the tenant; a model has a row for each variant and kind of device. */
  readonly #bySignature: WeakMap<object, LedgerRow[]>[] = [];
  /** By key: a model that is loaded anew goes on with its rows. */
  readonly #rows = new Map<string, LedgerRow>();
  readonly #onDeviceTime: OnDeviceTime | undefined;
  readonly #onUse: OnUse | undefined;

  constructor(onDeviceTime?: OnDeviceTime, onUse?: OnUse) {
    this.#onDeviceTime = onDeviceTime;
    this.#onUse = onUse;
  }

  /** Also of the steps of ensembles: they use devices, but no client asked for them. */
  ended(outcome: RequestOutcome): void {
    const { caller, signature, requests = 1, execution, device, batchRows = 0 } = outcome;
    const tenant = caller?.tenant ?? DEFAULT_TENANT;
    const row = this.#row(tenant, signature, device, outcome.variant ?? "");
    if (execution !== undefined && batchRows > 0) {
      const deviceSeconds = (execution.inferUs * outcome.rows) / batchRows / US_PER_S;
      row.deviceSeconds += deviceSeconds;
      row.dirty = true;
      this.#onDeviceTime?.(tenant, deviceSeconds);
      if (device !== undefined) this.#onUse?.(row, device, deviceSeconds);
    }
    if (outcome.onBehalf === true) return;
    if (outcome.failure !== undefined) {
      row.refuse(REASONS[outcome.failure], requests);
      return;
    }
    row.requests += requests;
    row.rows += outcome.rows;
    row.bytesIn += outcome.request === undefined ? 0 : requestBytes(outcome.request);
    row.bytesOut += outcome.bytesOut ?? 0;
    row.dirty = true;
  }

  /** A request that never came to a queue. @param signature undefined: of no model that is there */
  refused(tenant: Tenant, signature: ModelSignature | undefined, reason: string): void {
    this.#row(tenant, signature ?? NONE, undefined, "").refuse(reason, 1);
  }

  /** Since the process began. */
  *totals(): Generator<UsageLine> {
    for (const row of this.#rows.values()) yield row.line;
  }

  /** The same, to be read as it is: what is read later has grown. */
  rows(): Iterable<LedgerRow> {
    return this.#rows.values();
  }

  /** What came since it was called last. */
  take(): UsageLine[] {
    const lines: UsageLine[] = [];
    for (const row of this.#rows.values()) if (row.dirty) lines.push(row.take());
    return lines;
  }

  #row(
    tenant: Tenant,
    signature: typeof NONE,
    device: Device | undefined,
    variant: string,
  ): LedgerRow {
    this.#bySignature[tenant.index] ??= new WeakMap();
    const known = this.#bySignature[tenant.index]?.get(signature);
    if (known !== undefined) for (const row of known) if (row.isOf(device, variant)) return row;
    const key: UsageKey = {
      tenant: tenant.name,
      model: signature.name,
      version: signature.version,
      variant,
      device: device === undefined ? "" : `${device.vendor}/${device.platform}`,
    };
    const text = keyText(key);
    const row = this.#rows.get(text) ?? new LedgerRow(key, device);
    this.#rows.set(text, row);
    if (known === undefined) this.#bySignature[tenant.index]?.set(signature, [row]);
    else known.push(row);
    return row;
  }
}
