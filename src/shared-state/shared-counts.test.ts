/** Counters of several gateways, against a real redis-server. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { NO_REDIS, type RedisServer, startRedis } from "../../test/support/redis/redis-server.ts";
import { redisSettings } from "../../test/support/redis/redis-settings.ts";
import { silent } from "../logger.ts";
import { Link } from "./link.ts";
import { SharedCounts } from "./shared-counts.ts";

/** An answer comes within it, however slow the machine is. */
const LIMIT_MS = 20_000;
/** Where Redis hangs. */
const SHORT_MS = 300;

describe.skipIf(NO_REDIS)(`shared counts${NO_REDIS ? ` (${NO_REDIS})` : ""}`, () => {
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

  async function newGateway(id: string, commandTimeoutMs = LIMIT_MS) {
    const settings = redisSettings({ url: redis.url, commandTimeoutMs });
    const link = new Link({ settings, now: () => performance.now(), log: silent });
    opened.push(link);
    await link.open();
    await vi.waitFor(() => link.publish("hello", ""), { timeout: LIMIT_MS, interval: 20 });
    const own = new Map<string, number>();
    let nowMs = 0;
    const counts = new SharedCounts({
      ...{ link, id, now: () => nowMs },
      *own() {
        for (const [name, count] of own) yield { name, mark: `${count}`, write: () => `${count}` };
      },
    });
    return {
      ...{ id, link, counts },
      count: (name: string, more = 1) => own.set(name, (own.get(name) ?? 0) + more),
      pass: (ms: number) => {
        nowMs += ms;
      },
      sum: (name = "jets") => counts.of(name)?.reduce((sum, text) => sum + Number(text), 0),
    };
  }
  type TestGateway = Awaited<ReturnType<typeof newGateway>>;

  /** As a client sees it: the beat runs by itself, the question waits for it. */
  async function asked({ counts, sum }: TestGateway): Promise<number> {
    const question = counts.asOfNow();
    await counts.beat();
    await question;
    return sum() ?? Number.NaN;
  }

  it("are nothing that one could tell before Redis was met", async () => {
    const a = await newGateway("a");
    expect(a.counts.of("jets")).toBeUndefined();
    await a.counts.exchange();
    expect(a.counts.of("jets")).toEqual([]);
  });

  it("of a question have what any gateway counted and told before it", async () => {
    const [a, b, c] = [await newGateway("a"), await newGateway("b"), await newGateway("c")];
    a.count("jets", 5);
    b.count("jets", 7);
    c.count("taus", 100);
    expect(await asked(a)).toBe(5);
    expect(await asked(b)).toBe(12);
    a.count("jets");
    expect(await asked(a)).toBe(13);
    expect(await asked(c)).toBe(13);
    expect(c.sum("taus")).toBe(100);
  });

  it("never go back for a client that asks one gateway after the other while all count", async () => {
    const gateways = [await newGateway("a"), await newGateway("b"), await newGateway("c")];
    let seen = 0;
    for (let turn = 0; turn < 300; turn += 1) {
      for (const each of gateways) each.count("jets", turn % 3);
      // Beats of gateways that nobody asks fall anywhere in between.
      if (turn % 4 === 0) void gateways[(turn / 4) % 3]?.counts.exchange();
      const gateway = gateways[(turn * 7) % 3] as TestGateway;
      const now = await asked(gateway);
      expect(now).toBeGreaterThanOrEqual(seen);
      seen = now;
    }
    expect(seen).toBeGreaterThan(500);
  });

  it("of a gateway that is gone stay, also with those that come after it", async () => {
    const [a, b] = [await newGateway("a"), await newGateway("b")];
    a.count("jets", 5);
    await a.counts.exchange();
    a.link.close();
    b.count("jets", 2);
    expect(await asked(b)).toBe(7);
    expect(await asked(await newGateway("c"))).toBe(7);
  });

  it("of a gateway that is gone are told again by those that knew it, after Redis was emptied", async () => {
    const [a, b] = [await newGateway("a"), await newGateway("b")];
    a.count("jets", 5);
    await a.counts.exchange();
    await b.counts.exchange();
    a.link.close();
    redis.command("flushall");
    await b.counts.exchange();
    await b.counts.beat();
    expect(await asked(await newGateway("c"))).toBe(5);
  });

  it("wait, after Redis was emptied, until everybody has told again", async () => {
    const [a, b] = [await newGateway("a"), await newGateway("b")];
    a.count("jets", 5);
    expect(await asked(a)).toBe(5);
    b.count("jets", 1);
    expect(await asked(b)).toBe(6);
    a.count("jets", 3);
    expect(await asked(a)).toBe(9);
    redis.command("flushall"); // and b had not heard of those three
    let answered = false;
    const question = b.counts.asOfNow().then(() => {
      answered = true;
    });
    await b.counts.beat();
    await Promise.resolve();
    expect(answered).toBe(false);
    await a.counts.exchange();
    await a.counts.beat();
    b.pass(501);
    await b.counts.beat();
    await question;
    expect(b.sum()).toBe(9);
  });

  it("stand still while Redis is away, and nobody waits for it", async () => {
    const a = await newGateway("a", SHORT_MS);
    a.count("jets", 5);
    // An answer may be late where nothing hangs, too.
    await vi.waitFor(async () => expect(await asked(a)).toBe(5), { timeout: LIMIT_MS });
    redis.pause();
    a.count("jets", 1);
    const began = performance.now();
    expect(await asked(a)).toBe(5);
    expect(performance.now() - began).toBeLessThan(LIMIT_MS);
    expect(a.link.state).not.toBe("up");
    await a.counts.asOfNow(); // no beat, no Redis, no waiting
    redis.resume();
    await vi.waitFor(
      async () => {
        await a.counts.exchange();
        a.pass(501); // others may have been away for longer
        expect(await asked(a)).toBe(6);
      },
      { timeout: LIMIT_MS },
    );
  });

  it("are learnt from a replica that had not heard of everything", async () => {
    const [a, b] = [await newGateway("a"), await newGateway("b")];
    a.count("jets", 5);
    await a.counts.exchange();
    await b.counts.exchange();
    const birth = redis.command("hget", "{beamgate}:counts-state", "birth");
    // As before the last change: the counter goes back, the set is as it was.
    a.count("jets", 2);
    await a.counts.exchange();
    redis.command("hset", "{beamgate}:counts-state", "change", "0");
    redis.command("hset", "{beamgate}:counts", "a\njets", "1 5");
    await b.counts.exchange();
    await a.counts.exchange();
    await a.counts.beat();
    b.pass(501);
    expect(await asked(b)).toBe(7);
    expect(redis.command("hget", "{beamgate}:counts-state", "birth")).not.toBe(birth);
  });

  it("cost nothing where nothing changed and nobody asks", async () => {
    const a = await newGateway("a");
    a.count("jets");
    await a.counts.exchange();
    const before = a.link.counts.commands;
    for (let i = 0; i < 10; i += 1) await a.counts.beat();
    expect(a.link.counts.commands).toBe(before);
    a.pass(250);
    await a.counts.beat();
    expect(a.link.counts.commands).toBe(before + 1);
    expect(redis.command("hget", "{beamgate}:counts-state", "change")).toBe("1");
  });
});
