/**
 * Tenants on one device, on virtual time: queues, batches, shares and refusals are the gateway's own, only the
 * device and the clients are made up. A batch of 32 rows takes 2.6 ms, which is the device's best.
 */
import { describe, expect, it } from "vitest";
import {
  goodput,
  inTime,
  jain,
  latencies,
  quantile,
} from "../../test/support/shared-devices/figures.ts";
import {
  type Fate,
  type Load,
  type Simulated,
  simulate,
} from "../../test/support/shared-devices/simulate.ts";
import { costOf } from "../../test/support/shared-devices/simulated-instance.ts";
import { aTenant } from "../../test/support/tenants.ts";
import type { Tenant } from "../inference/caller.ts";

const DEVICES = { cost: { fixedUs: 1_000, usPerRow: 50 }, count: 1, maxRows: 32 };
const BATCH_MS = costOf(DEVICES.cost, DEVICES.maxRows) / 1_000;
/** Rows a second, in full batches. */
const CAPACITY = (DEVICES.maxRows * 1_000) / BATCH_MS;
const RUN_MS = 4_000;
/** For a busy machine, ms: a run is seconds of work. */
const timeout = 120_000;

const [cms, atlas, lhcb] = [aTenant(0, { weight: 2 }), aTenant(1), aTenant(2)];

/** @param part of the device's capacity that it asks for, 1: all of it */
const asking = (tenant: Tenant, part: number, given: Partial<Load> = {}): Load => {
  const { rows = 4 } = given;
  return { tenant, rows, perSecond: () => (CAPACITY * part) / rows, ...given };
};
const shareOf = ({ usedUs }: Simulated, { name }: Tenant) => {
  const all = [...usedUs.values()].reduce((sum, us) => sum + us, 0);
  return (usedUs.get(name) ?? 0) / all;
};
const p99 = (simulated: Simulated, { name }: Tenant) => quantile(latencies(simulated, name), 0.99);

describe("three tenants with weights 2:1:1, one of whom floods the device ten times over", {
  timeout,
}, () => {
  it("get what they are promised to within 1 % where all want more", async () => {
    const run = await simulate(
      [asking(cms, 1), asking(atlas, 1), asking(lhcb, 2.5)],
      DEVICES,
      RUN_MS,
    );
    expect(shareOf(run, cms)).toBeGreaterThanOrEqual(0.99 * 0.5);
    expect(shareOf(run, atlas)).toBeGreaterThanOrEqual(0.99 * 0.25);
    expect(run.busy).toBeGreaterThan(0.99);
  });

  it("get their guarantees all the same where weights say otherwise", async () => {
    const promised = aTenant(0, { guarantee: 0.6 });
    const heavy = aTenant(1, { weight: 10 });
    const run = await simulate([asking(promised, 1), asking(heavy, 10)], DEVICES, RUN_MS);
    expect(shareOf(run, promised)).toBeGreaterThanOrEqual(0.99 * 0.6);
  });

  it("wait hardly longer than alone, and never for more than the batch that runs", async () => {
    const victims = [asking(cms, 0.8 * 0.5), asking(atlas, 0.8 * 0.25)];
    const together = await simulate([...victims, asking(lhcb, 2.5)], DEVICES, RUN_MS);
    for (const load of victims) {
      const alone = await simulate([load], DEVICES, RUN_MS);
      const bound = 1.5 * p99(alone, load.tenant) + BATCH_MS;
      expect(p99(together, load.tenant)).toBeLessThanOrEqual(bound);
    }
    // What they do not ask for is lent.
    expect(shareOf(together, lhcb)).toBeGreaterThan(0.39);
    expect(together.busy).toBeGreaterThan(0.99);
  });

  it("get theirs back within 100 ms and a batch of asking again", async () => {
    const backAt = 2_000;
    const back = asking(cms, 1, {
      perSecond: (ms) => (ms < backAt ? 0 : CAPACITY / 4),
    });
    const { fates } = await simulate([back, asking(lhcb, 2.5)], DEVICES, 3_000);
    const until = backAt + 100 + BATCH_MS;
    const rows = (tenant: Tenant) =>
      fates
        .filter(({ startedAt }) => startedAt !== undefined && startedAt >= backAt)
        .filter((fate) => fate.tenant === tenant.name && (fate.startedAt ?? 0) < until)
        .reduce((sum, fate) => sum + fate.rows, 0);
    expect(rows(cms) / (rows(cms) + rows(lhcb))).toBeGreaterThanOrEqual(2 / 3);
  });
});

describe("equal tenants", { timeout }, () => {
  it("get equal time, whatever they ask for and however large their requests are", async () => {
    const loads = Array.from({ length: 10 }, (_, at) =>
      asking(aTenant(at), 0.15 + 0.1 * at, { rows: 1 + (at % 5) }),
    );
    const { usedUs } = await simulate(loads, DEVICES, 2_000);
    expect(jain([...usedUs.values()])).toBeGreaterThanOrEqual(0.98);
  });
});

describe("a device that is asked for three times what it can do, within 50 ms", { timeout }, () => {
  const deadlineMs = 50;
  const late = ({ startedAt, deadline }: Fate) => startedAt !== undefined && startedAt >= deadline;
  const refusals = ({ fates }: Simulated) => fates.filter(({ end }) => end === "refused");

  it("does as much in time as at its best, begins nothing late, and refuses at once", async () => {
    const peaks = await Promise.all(
      [0.9, 1].map((part) =>
        simulate([asking(cms, part, { rows: 1, deadlineMs })], DEVICES, 2_000),
      ),
    );
    const peak = Math.max(...peaks.map((run) => goodput(run, 500, 2_000)));
    const overloaded = asking(cms, 3, { rows: 1, deadlineMs });
    const run = await simulate([overloaded], DEVICES, 2_000);
    expect(goodput(run, 500, 2_000)).toBeGreaterThanOrEqual(0.95 * peak);
    expect(run.fates.filter(late)).toEqual([]);
    const took = refusals(run).map(({ sentAt, endedAt }) => endedAt - sentAt);
    expect(took.length).toBeGreaterThan(1_000);
    expect(quantile(took, 0.99)).toBeLessThanOrEqual(5);

    const control = await simulate([{ ...overloaded, tellsDeadline: false }], DEVICES, 2_000);
    expect(goodput(control, 500, 2_000)).toBeLessThan(0.1 * peak);
    expect(control.fates.filter(late).length).toBeGreaterThan(1_000);
  });

  it("refuses nobody any more two seconds after it is over", async () => {
    const overMs = 1_000;
    const load = asking(cms, 3, {
      rows: 1,
      deadlineMs,
      perSecond: (ms) => CAPACITY * (ms < overMs ? 3 : 0.5),
    });
    const run = await simulate([load], DEVICES, overMs + 2_500);
    const after = run.fates.filter(
      ({ sentAt }) => sentAt > overMs + 2_000 && sentAt < overMs + 2_400,
    );
    expect(after.length).toBeGreaterThan(1_000);
    expect(after.every(inTime)).toBe(true);
  });

  it("by one tenant refuses that one, and nobody who asks for less than is promised", async () => {
    const victim = asking(atlas, 0.8 * 0.25, { rows: 1, deadlineMs });
    const flood = asking(lhcb, 3, { rows: 1, deadlineMs });
    const { fates } = await simulate([victim, flood], DEVICES, 2_000);
    const own = fates.filter(({ tenant, end }) => tenant === atlas.name && end !== "waiting");
    expect(own.filter(inTime).length / own.length).toBeGreaterThanOrEqual(0.99);
  });
});

describe("requests with different deadlines", { timeout }, () => {
  it("are served earliest deadline first", async () => {
    const run = await simulate(
      [asking(cms, 0.2, { deadlineMs: 8 }), asking(cms, 0.75, { deadlineMs: 500 })],
      DEVICES,
      2_000,
    );
    const tight = run.fates.filter(({ sentAt, deadline }) => Math.round(deadline - sentAt) === 8);
    const answered = tight.filter(inTime).length / tight.length;
    expect(answered).toBeGreaterThan(0.95);
  });
});
