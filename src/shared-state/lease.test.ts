/** Leases of a real redis-server. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { leaseHandOvers } from "../../test/support/redis/lease-hand-overs.ts";
import { NO_REDIS, type RedisServer, startRedis } from "../../test/support/redis/redis-server.ts";
import { redisSettings } from "../../test/support/redis/redis-settings.ts";
import { silent } from "../logger.ts";
import { Lease } from "./lease.ts";
import { Link } from "./link.ts";

describe.skipIf(NO_REDIS)(`a lease${NO_REDIS ? ` (${NO_REDIS})` : ""}`, () => {
  let redis: RedisServer;
  let link: Link;
  /** The holders' own clocks: moved by hand. Redis has its own. */
  let nowMs = 0;
  const now = () => nowMs;
  const of = (owner: string, ttlMs = 20_000) => new Lease({ link, name: "x", owner, ttlMs, now });

  beforeAll(async () => {
    redis = await startRedis();
    const settings = redisSettings({ url: redis.url, commandTimeoutMs: 10_000 });
    link = new Link({ settings, now, log: silent });
    await link.open();
  });
  afterEach(() => {
    redis.command("flushall");
    nowMs = 0;
  });
  afterAll(async () => {
    link.close();
    await redis.remove();
  });

  it("has one holder, who keeps it with the same counter; the next has a larger one", async () => {
    const [a, b] = [of("a"), of("b")];
    expect([await a.take(), await b.take(), await a.take()]).toEqual([true, false, true]);
    expect([a.ticket, b.ticket]).toEqual([{ counter: 1, owner: "a" }, undefined]);
    await a.release();
    expect(a.ticket).toBeUndefined();
    expect(await b.take()).toBe(true);
    expect(b.ticket?.counter).toBe(2);
    await a.release();
    expect(await a.take()).toBe(false);
  });

  it("ends for its holder by its own clock, before it ends for Redis", async () => {
    const a = of("a");
    await a.take();
    nowMs = 14_999;
    expect(a.ticket).toBeDefined();
    nowMs = 15_000;
    expect(a.ticket).toBeUndefined();
    expect(await of("b").take()).toBe(false);
  });

  it("that ran out is a new one, with a larger counter, also for the same owner", async () => {
    const a = of("a", 50);
    await a.take();
    await sleep(80);
    await a.take();
    expect(a.ticket?.counter).toBe(2);
  });

  it("is to be had again when what Redis holds of it is no number, or of a clock that went back", async () => {
    const [a, b] = [of("a", 50), of("b", 50)];
    await a.take();
    const [key = ""] = redis.command("keys", "*lease:x").split("\n");
    redis.command("hset", key, "untilMs", "soon");
    expect(await b.take()).toBe(true);
    redis.command("hset", key, "untilMs", "9999999999999999");
    expect(await a.take()).toBe(false);
    await sleep(600);
    expect(await a.take()).toBe(true);
    expect(a.ticket?.counter).toBe(3);
  });

  it("has counters that only grow, also after Redis was emptied", async () => {
    const [a, b] = [of("a"), of("b")];
    await a.take();
    await a.release();
    await a.take(41);
    expect(a.ticket?.counter).toBe(42);
    redis.command("flushall");
    // To Redis nobody holds it; the guarded side has seen 42.
    await b.take(42);
    expect(b.ticket?.counter).toBe(43);
    expect(await a.take()).toBe(false);
  });

  // The whole count: `npm run chaos -- redis`.
  it("has no two owners whose acts are let through, however long its holders are paused", async () => {
    const report = await leaseHandOvers(redis.url, 500);
    expect(report.handOvers).toBeGreaterThanOrEqual(500);
    expect(report.doubleOwners).toBe(0);
    expect(report.pauses).toBeGreaterThan(5);
  }, 120_000);
});
