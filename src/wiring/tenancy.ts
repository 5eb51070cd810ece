/** Tenants at work: what they may use, what they used, and who changed that. */
import type { Clock } from "../clock.ts";
import type { Tenant } from "../inference/caller.ts";
import type { TenantControl } from "../inference/tenant-report.ts";
import { hourStartMs } from "../inference/usage.ts";
import type { Service } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import { againAndAgain } from "../registry/catalog/again-and-again.ts";
import type { Demand } from "../shared-state/quota-slices.ts";
import type { TenantTable } from "../tenants/tenant-table.ts";
import { type Accounting, type AccountingParts, createAccounting } from "./accounting.ts";
import { Admission } from "./admission.ts";
import { type IndexFor, indexFor, type SonicSettings, sonicRules } from "./admission-sonic.ts";
import { type ReservationParts, Reservations } from "./reservations.ts";
import { ReservationsFile } from "./reservations-file.ts";
import { openTenancyStore } from "./tenancy-store.ts";
import { TenantSettings } from "./tenant-settings.ts";

export interface TenancyParts {
  readonly settings: {
    readonly folder?: string | undefined;
    readonly reservationsFile?: string | undefined;
    readonly ledgerDays: number;
  } & SonicSettings;
  /** Their terms are changed in it. */
  readonly tenants: TenantTable;
  /** The tenant with the part of its limits that this gateway may hand out now, of several. */
  shareOf(tenant: Tenant): Tenant;
  /** See `IndexParts.waitMsOf`. */
  waitMsOf(tenant: Tenant): number;
  readonly devices: Pick<ReservationParts, "boards" | "devices">;
  readonly power: NonNullable<AccountingParts["power"]>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Tenancy {
  readonly admission: Admission;
  readonly accounting: Accounting;
  readonly control: TenantControl;
  readonly reservations: Reservations;
  /** What somebody is shown of the repository, and whether anything. */
  readonly index: IndexFor;
  readonly sharing: TenancySharing;
  /** Something that an operator did, for the audit log. Does not reject. */
  note(entry: object): Promise<void>;
  /** Reads the calendar of reservations now. Does not reject; undefined: there is none. */
  readonly reload: (() => Promise<void>) | undefined;
  readonly service: Service;
}

/** For gateways that serve the same tenants. */
export interface TenancySharing {
  /** Of the tenants that this gateway has met, with all of their limits. */
  demands(): readonly Demand[];
  /** `shareOf` may give something else now. */
  sharesChanged(): void;
}

/** Time between two looks for changes of other gateways, ms: with the refresh itself within the second that is promised. */
const FOLLOW_MS = 500;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export async function createTenancy(parts: TenancyParts): Promise<Tenancy> {
  const { settings, tenants, clock, log } = parts;
  const store = await openTenancyStore(settings.folder, { log });
  const named = (name: string) => tenants.named(name);
  const terms: TenantSettings = new TenantSettings({
    ...{ tenants: () => tenants.written(), store, wallMs: Date.now },
    used: (tenant) => admission.usageOf(tenant).use(clock.now()),
  });
  const admission = new Admission({
    termsOf: (tenant) => parts.shareOf(named(tenant.name) ?? tenant),
    now: clock.now,
  });
  const accounting = createAccounting({
    folder: store.usageFolder,
    keepDays: settings.ledgerDays,
    onDeviceTime: (tenant, seconds) => admission.usageOf(tenant).ran(seconds, clock.now()),
    power: parts.power,
    clock,
    log,
  });
  tenants.adjustBy((tenant) => terms.adjusted(tenant));
  tenants.onChange((all) => admission.changed(all));
  terms.onChange = () => tenants.readjust();

  /** The day's device time of those that used some before this process began. */
  const remember = async () => {
    const now = Date.now();
    const lines = await accounting.usage({ fromMs: now - DAY_MS, toMs: now });
    for (const { tenant: name, hour, deviceSeconds } of lines) {
      const tenant = named(name);
      const ageMs = Math.max(0, now - hourStartMs(hour) - HOUR_MS / 2);
      if (tenant) admission.usageOf(tenant).ran(deviceSeconds, clock.now() - ageMs);
    }
  };

  const reservations = new Reservations({
    ...{ ...parts.devices, store, wallMs: Date.now, clock, log },
    modelsOf: (name) => named(name)?.models,
  });
  const calendar =
    settings.reservationsFile === undefined
      ? undefined
      : new ReservationsFile(
          settings.reservationsFile,
          (given) => reservations.useFile(given),
          log,
        );

  let stopFollowing = () => {};
  return {
    ...{ admission, accounting, control: terms, reservations },
    index: indexFor({
      ...{ admission, rules: sonicRules(settings), now: clock.now },
      waitMsOf: parts.waitMsOf,
    }),
    note: (entry) =>
      store.audit
        .append(entry)
        .catch((error: unknown) => log.warn("the audit log cannot be written", { error })),
    sharing: {
      demands: () =>
        tenants.written().flatMap(({ name }) => {
          const tenant = named(name);
          const usage = tenant && admission.met(tenant);
          return tenant && usage ? [{ tenant, use: usage.use(clock.now()) }] : [];
        }),
      sharesChanged: () => admission.sharesChanged(tenants.written()),
    },
    reload: calendar && (() => calendar.reload()),
    service: {
      name: "tenancy",
      async start() {
        await remember();
        await accounting.service.start(new AbortController().signal);
        await calendar?.start();
        reservations.start();
        if (!store.durable) return;
        stopFollowing = againAndAgain(clock, FOLLOW_MS, async () => {
          await store.refresh();
          terms.noticeChange();
        });
      },
      async stop() {
        stopFollowing();
        await calendar?.stop();
        reservations.stop();
        await accounting.service.stop();
        await store.close();
      },
    },
  };
}
