/** What a gateway shares with the others of its cluster. Loaded where a Redis is configured only. */
import type { Clock } from "../clock.ts";
import { toStatusError } from "../errors.ts";
import type { Tenant } from "../inference/caller.ts";
import type { ClusterReport } from "../inference/gateway-report.ts";
import type { Service } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import type { Catalog } from "../registry/catalog/catalog.ts";
import { beat } from "../shared-state/beat.ts";
import { ChangeChannel } from "../shared-state/change-channel.ts";
import { Link } from "../shared-state/link.ts";
import { Membership } from "../shared-state/membership.ts";
import { QuotaSlices } from "../shared-state/quota-slices.ts";
import type { RedisSettings } from "../shared-state/settings.ts";
import { type CountsEntry, SharedCounts } from "../shared-state/shared-counts.ts";
import type { SharedStateFigures } from "../telemetry/cluster-metrics.ts";
import type { Self } from "./gateway-facts.ts";
import type { TenancySharing } from "./tenancy.ts";
import { Upkeep } from "./upkeep.ts";

export interface SeveralParts {
  readonly settings: RedisSettings;
  /** Whose changes the others are told, and who is told of theirs. */
  readonly catalog: Pick<Catalog, "onChange" | "refresh"> | undefined;
  readonly self: Self;
  /** Folders on which one gateway does the upkeep: the store, the drop folder. */
  readonly folders: readonly string[];
  /** Whose quotas the gateways divide. */
  readonly tenancy: TenancySharing | undefined;
  /** What this gateway counted. */
  counters(): Iterable<CountsEntry>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Several {
  report(): ClusterReport;
  figures(): SharedStateFigures;
  /** The tenant with the part of its limits that this gateway may hand out now. */
  shareOf(tenant: Tenant): Tenant;
  /** Whether this gateway is to do the upkeep of one of the folders now. Never rejects. */
  upkeepIsMine(folder: string): Promise<boolean>;
  /** Counters of all gateways; undefined: they are not shared. */
  readonly counts: Pick<SharedCounts, "of" | "asOfNow"> | undefined;
  /** Started before anybody is answered, so that nobody sees less than other gateways told; stopped after. */
  readonly countsService: Service;
  /** Started last: whoever is on the list serves. */
  readonly service: Service;
}

/** Time between two announcements, ms. */
const ANNOUNCE_MS = 500;
/** Time between two looks whether somebody asks for counters, ms. */
const LOOK_MS = 20;
/** Time between two leases of slices, ms: one may be lost before the last runs out. */
const LEASE_SLICES_MS = 100;

export function createSeveral(parts: SeveralParts): Several {
  const { settings, catalog, self, folders, tenancy, clock, log } = parts;
  const { now } = clock;
  const link = new Link({ settings, now, log });
  const membership = new Membership({ link, self: self.facts, ttlMs: settings.gatewayTtlMs, now });
  const channel =
    catalog &&
    new ChangeChannel({
      link,
      id: self.id,
      look: () =>
        catalog.refresh().catch((thrown: unknown) => {
          log.debug(`the registry could not be looked at: ${toStatusError(thrown).message}`);
        }),
    });
  const slices = new QuotaSlices({ link, id: self.id, live: () => membership.live, now });
  const upkeep = new Map(
    folders.map((folder) => {
      const lease = { link, owner: self.id, ttlMs: settings.gatewayTtlMs, now, log };
      return [folder, new Upkeep(folder, lease)] as const;
    }),
  );
  const counts = settings.shareStatistics
    ? new SharedCounts({ link, id: self.id, own: parts.counters, now })
    : undefined;
  let opening: Promise<void> | undefined;
  const open = () => (opening ??= link.open());
  let stopCounting: () => void | Promise<void> = () => {};
  let stops: (() => void | Promise<void>)[] = [];
  return {
    counts,
    countsService: {
      name: "Redis",
      async start() {
        await open();
        if (counts === undefined) return;
        await counts.exchange();
        stopCounting = beat(clock, LOOK_MS, () => counts.beat());
      },
      async stop() {
        await stopCounting();
        await counts?.exchange();
        link.close();
      },
    },
    report: () => ({
      redis: link.state,
      listAgeSeconds: Math.round(membership.ageMs) / 1000,
      gateways: membership.gateways.map((each) => ({ ...each, self: each.id === self.id })),
    }),
    figures: () => ({
      ...{ self: self.facts(), state: link.state, ...link.counts },
      ...{ gateways: membership.live, changesHeard: channel?.heard ?? 0 },
    }),
    shareOf: (tenant) => ({ ...tenant, quota: slices.quotaFor(tenant) }),
    upkeepIsMine: async (folder) => (await upkeep.get(folder)?.mine()) ?? true,
    service: {
      name: "gateways",
      async start() {
        const opened = open();
        channel?.open();
        stops = [
          beat(clock, ANNOUNCE_MS, async () => {
            await opened;
            await Promise.all([
              membership.announce(),
              link.pingSubscriber(),
              ...[...upkeep.values()].map((each) => each.renew()),
            ]);
          }),
          ...(tenancy
            ? [
                beat(clock, LEASE_SLICES_MS, async () => {
                  await opened;
                  await slices.lease(tenancy.demands());
                  tenancy.sharesChanged();
                }),
              ]
            : []),
          ...(catalog && channel
            ? [catalog.onChange((_, here) => (here ? channel.tell() : undefined))]
            : []),
        ];
      },
      /** New clients are to go elsewhere before the ports close. */
      async drain() {
        for (const stop of stops) await stop();
        await Promise.all([
          membership.leave(),
          ...[...upkeep.values()].map((each) => each.release()),
        ]);
      },
      async stop() {
        for (const stop of stops) await stop();
      },
    },
  };
}
