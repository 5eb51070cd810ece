/** Two gateways that hand out one tenant's quota in real time, and a real Redis in trouble meanwhile. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../test/support/process-tree.ts";
import { NO_REDIS, type RedisServer, startRedis } from "../../test/support/redis/redis-server.ts";
import { redisSettings } from "../../test/support/redis/redis-settings.ts";
import { systemClock } from "../clock.ts";
import { DEFAULT_TENANT } from "../inference/caller.ts";
import { silent } from "../logger.ts";
import { TenantUsage } from "../policy/admission/tenant-usage.ts";
import { beat } from "./beat.ts";
import { Link } from "./link.ts";
import { QuotaSlices, SLICE_MS } from "./quota-slices.ts";

const LIMIT = 20_000;
const ROWS = 10;
/** Within it something happens, however slow the machine is. */
const PATIENCE_MS = 20_000;
const tenant = { ...DEFAULT_TENANT, name: "cms", quota: { rowsPerSecond: LIMIT } };
const { now } = systemClock;

describe.skipIf(NO_REDIS)(`slices of a quota${NO_REDIS ? ` (${NO_REDIS})` : ""}`, () => {
  let redis: RedisServer;
  const ends: (() => unknown)[] = [];

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });
  afterAll(() => redis.remove());

  async function newGateway(id: string) {
    const link = new Link({ settings: redisSettings({ url: redis.url }), now, log: silent });
    await link.open();
    const slices = new QuotaSlices({ link, id, live: () => 2, now });
    const share = () => ({ ...tenant, quota: slices.quotaFor(tenant) });
    const usage = new TenantUsage(share(), now());
    const stop = beat(systemClock, 100, async () => {
      await slices.lease([{ tenant, use: usage.use(now()) }]);
      usage.setShare(share(), now());
    });
    ends.push(stop, () => link.close());
    return { usage, rate: () => slices.quotaFor(tenant).rowsPerSecond ?? 0 };
  }

  // One such value stopped the slices of every tenant for as long as it lay there.
  it("go on beside values that no gateway has written, and after a clock that went back", async () => {
    const [a] = [await newGateway("a"), await newGateway("b")];
    let key = "";
    const leased = () => {
      [key = ""] = redis.command("keys", "*slices:rowsPerSecond:cms").split("\n");
      return key !== "";
    };
    expect(await eventually(leased, PATIENCE_MS)).toBeDefined();
    redis.command("hset", key, "c", "garbage", "d", "5000 5000 9999999999999");
    const fields = () => redis.command("hkeys", key).trim().split("\n").toSorted().join();
    expect(await eventually(() => fields() === "a,b,since", PATIENCE_MS)).toBeDefined();
    expect(a.rate()).toBeGreaterThan(0);
  });

  type Gateway = Awaited<ReturnType<typeof newGateway>>;

  /** @returns ends it: as much as they let through, and for how long they were asked */
  function flood(gateways: readonly Gateway[]) {
    const began = now();
    let askedAt = began;
    const seen = { rows: 0, most: Number.NEGATIVE_INFINITY, seconds: 0 };
    const timer = setInterval(() => {
      // Nobody keeps more than a second's worth for a client that was held up.
      seen.seconds += Math.min(1, (now() - askedAt) / 1000);
      askedAt = now();
      for (const { usage } of gateways) {
        while (usage.admit(ROWS, 0, now()) === undefined) seen.rows += ROWS;
      }
      const allowed = LIMIT * ((now() - began) / 1000) + LIMIT;
      seen.most = Math.max(seen.most, seen.rows - allowed);
    }, 5);
    return () => {
      clearInterval(timer);
      return seen;
    };
  }

  it("go where the clients are", async () => {
    const [busy, idle] = [await newGateway("a"), await newGateway("b")];
    const stop = flood([busy]);
    // Of a beat that is late a slice runs out, and an equal part is all until the next.
    const goes = () => busy.rate() > 0.7 * LIMIT && busy.rate() + idle.rate() <= LIMIT + 1;
    expect(await eventually(goes, PATIENCE_MS)).toBeDefined();
    stop();
  });

  it("are an equal part while Redis is away, and never more than one slice a gateway above the limit", async () => {
    const [one, other] = [await newGateway("a"), await newGateway("b")];
    const stop = flood([one, other]);
    await sleep(600);
    redis.command("flushall");
    await sleep(600);
    redis.pause();
    await sleep(800);
    expect([one.rate(), other.rate()]).toEqual([LIMIT / 2, LIMIT / 2]);
    redis.resume();
    await sleep(600);
    await redis.kill();
    await sleep(800);
    expect([one.rate(), other.rate()]).toEqual([LIMIT / 2, LIMIT / 2]);
    await redis.start();
    await sleep(800);
    const { rows, most, seconds } = stop();
    expect(most).toBeLessThanOrEqual(2 * LIMIT * (SLICE_MS / 1000));
    expect(rows).toBeGreaterThan(0.7 * LIMIT * seconds);
  });

  it("are at most equal parts after Redis was emptied, while it may not know what others have", async () => {
    const link = new Link({ settings: redisSettings({ url: redis.url }), now, log: silent });
    ends.push(() => link.close());
    await link.open();
    const [one, other] = ["a", "b"].map(
      (id) => new QuotaSlices({ link, id, live: () => 2, now }),
    ) as [QuotaSlices, QuotaSlices];
    const short = (slices: QuotaSlices) => ({
      tenant,
      use: { rowsPerSecond: slices.quotaFor(tenant).rowsPerSecond ?? 0 },
    });
    const parts = () => [one, other].map((each) => each.quotaFor(tenant).rowsPerSecond ?? 0);
    for (let round = 0; round < 3; round += 1) {
      for (const each of [one, other]) await each.lease([short(each)]);
    }
    for (const each of [one, other, one]) {
      redis.command("flushall");
      await each.lease([short(each)]);
      expect(parts()).toEqual([LIMIT / 2, LIMIT / 2]);
    }
  });

  it("that one gateway had go to both when Redis dies: what it handed out is not handed out again", async () => {
    const [busy, idle] = [await newGateway("a"), await newGateway("b")];
    const stopFirst = flood([busy]);
    await sleep(1_500);
    stopFirst();
    await sleep(1_000);
    // Both are full: the burst of a second is theirs.
    const stop = flood([busy, idle]);
    await redis.kill();
    await sleep(1_500);
    const { most } = stop();
    expect(most).toBeLessThanOrEqual(2 * LIMIT * (SLICE_MS / 1000));
    await redis.start();
  });
});
