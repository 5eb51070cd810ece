/** What gateways share, against a real redis-server. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { eventually } from "../../test/support/process-tree.ts";
import { NO_REDIS, type RedisServer, startRedis } from "../../test/support/redis/redis-server.ts";
import { redisSettings } from "../../test/support/redis/redis-settings.ts";
import { silent } from "../logger.ts";
import { ChangeChannel } from "./change-channel.ts";
import { Link } from "./link.ts";
import { Membership } from "./membership.ts";

/** Within it something happens, however slow the machine is. */
const LIMIT_MS = 20_000;
/** Of a gateway that no test waits for to be gone. */
const TTL_MS = 30_000;
/** Where Redis hangs. */
const SHORT_MS = 300;

describe.skipIf(NO_REDIS)(`shared state${NO_REDIS ? ` (${NO_REDIS})` : ""}`, () => {
  let redis: RedisServer;
  const opened: Link[] = [];

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(() => {
    for (const link of opened.splice(0)) link.close();
    redis.command("flushall");
  });
  afterAll(() => redis.remove());

  interface LinkOptions {
    readonly log?: typeof silent;
    readonly prefix?: string;
    readonly commandTimeoutMs?: number;
  }

  async function newLink(options: LinkOptions = {}): Promise<Link> {
    const { log = silent, prefix = "test", commandTimeoutMs = LIMIT_MS } = options;
    const settings = redisSettings({ url: redis.url, prefix, commandTimeoutMs });
    const link = new Link({ settings, now: () => performance.now(), log });
    opened.push(link);
    await link.open();
    await vi.waitFor(() => link.publish("hello", ""), { timeout: LIMIT_MS, interval: 20 });
    return link;
  }

  const facts = (id: string) => ({ id, address: `${id}:8001`, version: "1", since: id });

  async function newMember(id: string, ttlMs = TTL_MS, options: LinkOptions = {}) {
    const link = await newLink(options);
    let aheadMs = 0;
    const now = () => performance.now() + aheadMs;
    const pass = (ms: number) => {
      aheadMs += ms;
    };
    return Object.assign(new Membership({ link, self: () => facts(id), ttlMs, now }), { pass });
  }

  const idsOf = (member: Membership) => member.gateways.map(({ id }) => id).join();

  describe("gateways", () => {
    it("see each other, themselves first, and not those of another prefix", async () => {
      const [a, b] = [await newMember("a"), await newMember("b")];
      const stranger = await newMember("c", TTL_MS, { prefix: "other" });
      for (const each of [stranger, b, a]) await each.announce();
      await b.announce();
      expect([idsOf(a), idsOf(b), idsOf(stranger)]).toEqual(["a,b", "b,a", "c"]);
      expect([a.live, stranger.live]).toEqual([2, 1]);
    });

    it("are none by half: what only one of the two keys knows does not count", async () => {
      const a = await newMember("a");
      await a.announce();
      redis.command("hset", "{test}:gateways", "ghost", JSON.stringify(facts("ghost")));
      redis.command("zadd", "{test}:gateway-deadlines", "+inf", "shadow");
      await a.announce();
      expect([idsOf(a), a.live]).toEqual(["a", 1]);
      expect(redis.command("hkeys", "{test}:gateways")).toBe("a");
    });

    it("are off the list after their time to live, and at once when they say goodbye", async () => {
      const [a, b] = [await newMember("a"), await newMember("b", 200)];
      await b.announce();
      await a.announce();
      await sleep(250);
      await a.announce();
      expect(redis.command("hkeys", "{test}:gateways")).toBe("a");
      await a.leave();
      expect(redis.command("exists", "{test}:gateways")).toBe("0");
    });

    it("stay on the list of a gateway while Redis hangs, is away or was emptied", async () => {
      const [a, b] = [
        await newMember("a", TTL_MS, { commandTimeoutMs: SHORT_MS }),
        await newMember("b"),
      ];
      await b.announce();
      // An answer may be late where nothing hangs, too.
      await vi.waitFor(
        async () => {
          await a.announce();
          expect(idsOf(a)).toBe("a,b");
        },
        { timeout: LIMIT_MS },
      );
      redis.command("flushall");
      await a.announce();
      expect(a.live).toBe(2);
      redis.pause();
      const began = performance.now();
      await a.announce();
      expect(performance.now() - began).toBeLessThan(LIMIT_MS);
      expect(a.live).toBe(2);
      redis.resume();
      await redis.kill();
      a.pass(TTL_MS + 1);
      await a.announce();
      expect(a.live).toBe(2);
      expect(a.ageMs).toBeGreaterThan(TTL_MS);
      await redis.start();
      await vi.waitFor(
        async () => {
          await a.announce();
          expect(a.ageMs).toBeLessThan(100);
        },
        { timeout: LIMIT_MS },
      );
      expect(a.live).toBe(2);
    });

    it("leave nothing behind in Redis when all are gone", async () => {
      const a = await newMember("a", 100);
      await a.announce();
      expect(await eventually(() => redis.command("dbsize") === "0", LIMIT_MS)).toBeDefined();
    });
  });

  describe("the link", () => {
    it("tells once that Redis went, and once that it is back", async () => {
      const told: string[] = [];
      const tell = (message: string) => void told.push(message.split(/[,:(]/)[0] ?? "");
      const link = await newLink({ log: { ...silent, info: tell, warn: tell } });
      await redis.kill();
      for (let i = 0; i < 5; i += 1) {
        await expect(link.publish("x", "")).rejects.toThrow();
        await sleep(20);
      }
      expect(link.state).toBe("down");
      await redis.start();
      await vi.waitFor(() => link.publish("x", ""), { timeout: LIMIT_MS, interval: 20 });
      expect(told.slice(-3)).toEqual(["Redis answers", "Redis is away ", "Redis answers again"]);
      expect(link.counts.failures).toBeGreaterThanOrEqual(5);
    });

    it("hears an answer that came in time, though the gateway itself stood still", async () => {
      const link = await newLink({ commandTimeoutMs: SHORT_MS });
      const asked = link.publish("x", "");
      const until = performance.now() + 3 * SHORT_MS;
      while (performance.now() < until);
      await expect(asked).resolves.toBe(0);
      expect(link.state).toBe("up");
    });

    it("is degraded while Redis hangs, and gives the connection up instead of waiting on it", async () => {
      const link = await newLink({ commandTimeoutMs: SHORT_MS });
      redis.pause();
      const began = performance.now();
      await expect(link.publish("x", "")).rejects.toThrow("timed out");
      expect(performance.now() - began).toBeLessThan(LIMIT_MS);
      expect(link.state).toBe("degraded");
      await vi.waitFor(
        async () => {
          await link.publish("x", "").catch(() => undefined);
          expect(link.state).toBe("down");
        },
        { timeout: LIMIT_MS, interval: 50 },
      );
      redis.resume();
      await vi.waitFor(() => link.publish("x", ""), { timeout: LIMIT_MS, interval: 20 });
      expect(link.state).toBe("up");
    });
  });

  describe("the change channel", () => {
    it("has the others look, not the one that told, and everybody after Redis was away", async () => {
      const looks = { a: 0, b: 0 };
      const links = [await newLink(), await newLink()] as const;
      const channels = (["a", "b"] as const).map((id, at) => {
        const look = async () => {
          looks[id] += 1;
        };
        return new ChangeChannel({ link: links[at] ?? links[0], id, look });
      });
      for (const channel of channels) channel.open();
      await eventually(() => looks.a + looks.b === 2, LIMIT_MS);
      channels[0]?.tell();
      expect(await eventually(() => looks.b === 2, LIMIT_MS)).toBeDefined();
      expect(looks.a).toBe(1);
      await redis.kill();
      channels[0]?.tell();
      await redis.start();
      expect(await eventually(() => looks.a === 2 && looks.b === 3, LIMIT_MS)).toBeDefined();
    });
  });
});
