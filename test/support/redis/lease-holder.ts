/**
 * `node lease-holder.js`, forked with the messages `{settings, owner, leases, ttlMs, seed}`: takes leases and acts
 * on what they guard, by a message `[lease, counter]` each, until it is told to stop. What it acts after is decided a
 * while before, so that a pause falls in between.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../../models/make/random.ts";
import { silent } from "../../../src/logger.ts";
import { Lease } from "../../../src/shared-state/lease.ts";
import { Link } from "../../../src/shared-state/link.ts";
import type { RedisSettings } from "../../../src/shared-state/settings.ts";

export interface HolderOrder {
  readonly settings: RedisSettings;
  readonly owner: string;
  readonly leases: number;
  readonly ttlMs: number;
  readonly seed: number;
}

const now = () => performance.now();

process.once("message", (order: HolderOrder) => {
  void hold(order);
});
process.once("disconnect", () => process.exit(0));

async function hold({ settings, owner, leases, ttlMs, seed }: HolderOrder): Promise<never> {
  const random = new Random(seed);
  const link = new Link({ settings, now, log: silent });
  await link.open();
  const all = Array.from({ length: leases }, (_, at) => {
    return new Lease({ link, name: `l${at}`, owner, ttlMs, now });
  });
  for (;;) {
    const turns = Array.from({ length: 8 }, () => random.integer(leases));
    await Promise.all(
      [...new Set(turns)].map(async (at) => {
        const lease = all[at];
        if (!lease || !(await lease.take().catch(() => false))) return;
        const { ticket } = lease;
        if (ticket === undefined) return;
        // The work: after it, the ticket may be one of the past.
        await sleep(random.integer(3));
        process.send?.([at, ticket.counter]);
        if (random.chance(0.7)) await lease.release();
      }),
    );
  }
}
