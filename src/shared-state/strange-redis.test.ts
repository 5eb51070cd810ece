/** A Redis that is not ours alone, or no Redis at all: other programs' keys under our names, and answers that mean nothing. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { NO_REDIS, type RedisServer, startRedis } from "../../test/support/redis/redis-server.ts";
import { redisSettings } from "../../test/support/redis/redis-settings.ts";
import { silent } from "../logger.ts";
import { Lease } from "./lease.ts";
import { Link } from "./link.ts";
import { Membership } from "./membership.ts";
import { QuotaSlices } from "./quota-slices.ts";
import { SharedCounts } from "./shared-counts.ts";

const LIMIT = 1_000;
const now = () => performance.now();
const tenant = { name: "cms", quota: { rowsPerSecond: LIMIT, bytesPerSecond: 1e9 } };
const use = { rowsPerSecond: 2, bytesPerSecond: 0.1, concurrentBytes: 0, deviceSecondsPerDay: 0 };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** An answer of a real Redis comes within it, however slow the machine is. */
const PATIENCE_MS = 20_000;
/** Of what never answers. */
const SHORT_MS = 300;

async function gatewayAt(url: string, id = "a", commandTimeoutMs = PATIENCE_MS) {
  const told: string[] = [];
  const tell = (text: string) => void told.push(text);
  const settings = redisSettings({ url, prefix: "test", commandTimeoutMs });
  const link = new Link({ settings, now, log: { ...silent, info: tell, warn: tell } });
  ends.push(() => link.close());
  await link.open();
  const facts = { id, address: `${id}:8001`, version: "1", since: id };
  const membership = new Membership({ link, self: () => facts, ttlMs: 30_000, now });
  const slices = new QuotaSlices({ link, id, live: () => membership.live, now });
  let count = 0;
  const counts = new SharedCounts({
    ...{ link, id, now },
    own: () => [{ name: "jets", mark: `${++count}`, write: () => `${count}` }],
  });
  const lease = new Lease({ link, name: "x", owner: id, ttlMs: 30_000, now });
  /** Everything that a gateway does with Redis, once. @returns what failed */
  const turn = async () => {
    const { failures } = link.counts;
    await membership.announce();
    await slices.lease([{ tenant, use }]);
    await counts.exchange();
    const held = await lease.take().catch(() => undefined);
    return { failed: link.counts.failures - failures, held };
  };
  return { ...{ link, membership, slices, counts, lease, turn, told } };
}

describe.skipIf(NO_REDIS)(
  `keys of other programs under our names${NO_REDIS ? ` (${NO_REDIS})` : ""}`,
  () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterEach(() => void redis.command("flushall"));
    afterAll(() => redis.remove());

    const KEYS = [
      "gateways",
      "gateway-deadlines",
      "slices:rowsPerSecond:cms",
      "slices:bytesPerSecond:cms",
      "counts-state",
      "counts",
      "counts-changes",
      "lease:x",
    ].map((name) => `{test}:${name}`);
    const WRITES: Readonly<Record<string, readonly string[]>> = {
      text: ["set", "KEY", "somebody else's"],
      list: ["rpush", "KEY", "one"],
      set: ["sadd", "KEY", "one"],
      hash: ["hset", "KEY", "one", "two"],
      "sorted set": ["zadd", "KEY", "1", "one"],
      stream: ["xadd", "KEY", "*", "one", "two"],
    };

    it.each(Object.keys(WRITES))(
      "of the type %s are moved aside, and nothing fails",
      async (type) => {
        const a = await gatewayAt(redis.url);
        for (const key of KEYS) {
          redis.command(...(WRITES[type] ?? []).map((word) => (word === "KEY" ? key : word)));
        }
        expect(await a.turn()).toEqual({ failed: 0, held: true });
        await a.lease.release();
        const kept = redis.command("keys", "*:foreign").split("\n").filter(Boolean);
        // What has the right type is taken for ours.
        const ours = { hash: 6, "sorted set": 2 }[type] ?? 0;
        expect(kept).toHaveLength(KEYS.length - ours);
        expect(a.told).toEqual(["Redis answers"]);
        const b = await gatewayAt(redis.url, "b");
        await b.turn();
        await a.turn();
        expect(a.membership.live).toBe(2);
        expect(a.counts.of("jets")).toHaveLength(2);
      },
    );

    it.each([
      ["numbers that are none", ["hset", "{test}:counts-state", "birth", "b", "change", "many"]],
      [
        "numbers too large",
        ["hset", "{test}:counts-state", "birth", "b", "change", "9".repeat(19)],
      ],
      ["numbers below zero", ["hset", "{test}:counts-state", "birth", "b", "change", "-5"]],
      ["changes of nothing", ["zadd", "{test}:counts-changes", "1e9", "ghost"]],
      ["counters without a number", ["hset", "{test}:counts", "a\njets", "none"]],
    ])("with %s harm the counters of nobody", async (_what, words) => {
      const a = await gatewayAt(redis.url);
      redis.command(...words);
      for (let turn = 0; turn < 3; turn += 1) expect(await a.turn()).toMatchObject({ failed: 0 });
      expect(a.counts.of("jets")?.filter((text) => Number(text) > 0)).toHaveLength(1);
    });

    it.each(["nan nan FAR", "-1e12 0 FAR", "inf inf FAR", "0x10 -5 FAR"])(
      "with a slice '%s' leave the others' quotas as they are",
      async (text) => {
        const a = await gatewayAt(redis.url);
        await a.turn();
        const value = text.replace("FAR", `${Date.now() + 100_000}`);
        redis.command("hset", "{test}:slices:rowsPerSecond:cms", "ghost", value);
        for (let turn = 0; turn < 5; turn += 1) {
          await a.turn();
          const rate = a.slices.quotaFor(tenant).rowsPerSecond ?? Number.NaN;
          expect(rate).toBeGreaterThan(0);
          expect(rate).toBeLessThanOrEqual(LIMIT);
        }
      },
    );

    it("of a hundred thousand members stop Redis for nobody: they are let go", async () => {
      const a = await gatewayAt(redis.url);
      const keys = ["{test}:gateway-deadlines", "{test}:gateways"];
      const fill =
        "for i = 1, 1e4 do local who = ARGV[1] .. '.' .. i; redis.call('ZADD', KEYS[1], i % 2 == 0 and 1e15 or 1, who); redis.call('HSET', KEYS[2], who, '{}') end";
      for (let part = 0; part < 10; part += 1) redis.command("eval", fill, "2", ...keys, `${part}`);
      expect(redis.command("zcard", keys[0] ?? "")).toBe("100000");
      expect(await a.turn()).toMatchObject({ failed: 0 });
      expect(redis.command("hkeys", "{test}:gateways")).toBe("a");
      expect([a.membership.live, redis.command("zcard", keys[0] ?? "")]).toEqual([1, "1"]);
    }, 180_000);
  },
);

describe("what is no Redis", () => {
  /** @param answer to whatever comes */
  async function answering(answer: (socket: Socket) => void): Promise<string> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on("error", () => {}));
      socket.on("data", () => answer(socket));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    ends.push(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    });
    return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  /** Answers of Redis' protocol that none of our scripts gives. */
  const ODD = [
    "+OK\r\n",
    ":-1\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*0\r\n",
    "*2\r\n$3\r\nnan\r\n$3\r\nnan\r\n",
    "*4\r\n$3\r\ninf\r\n$2\r\n-1\r\n$4\r\n1e99\r\n$-1\r\n",
    "*2\r\n*1\r\n:1\r\n*0\r\n",
    "*4\r\n$1\r\nb\r\n$1\r\n5\r\n$4\r\njets\r\n$7\r\nnothing\r\n",
    "-WRONGTYPE not today\r\n",
    "-LOADING Redis is loading the dataset in memory\r\n",
    "-OOM command not allowed\r\n",
    "-MISCONF no disk\r\n",
    "-NOSCRIPT who?\r\n",
  ];

  it.each([
    ["speaks HTTP", (socket: Socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["says nothing", () => {}],
    ["says zeros", (socket: Socket) => void socket.write(Buffer.alloc(4_096))],
    ["hangs up", (socket: Socket) => void socket.destroy()],
    ["begins an endless text", (socket: Socket) => void socket.write("$999999999\r\nabc")],
    ["nests without an end", (socket: Socket) => void socket.write("*1\r\n".repeat(5_000))],
  ])(
    "and %s is away for us, told once, and quotas are divided",
    async (_how, answer) => {
      const a = await gatewayAt(await answering(answer), "a", SHORT_MS);
      for (let turn = 0; turn < 4; turn += 1) expect((await a.turn()).failed).toBeGreaterThan(0);
      expect(a.link.state).not.toBe("up");
      expect(a.told.length).toBeLessThanOrEqual(2);
      expect(a.slices.quotaFor(tenant).rowsPerSecond).toBe(LIMIT);
      expect(a.lease.ticket).toBeUndefined();
    },
    30_000,
  );

  it("and answers in Redis' protocol what no script of ours does moves no figure", async () => {
    let at = 0;
    const a = await gatewayAt(
      await answering((socket) => void socket.write(ODD[at++ % ODD.length] ?? "")),
      "a",
      SHORT_MS,
    );
    for (let turn = 0; turn < 40; turn += 1) {
      // Answers drift against questions, so that every question meets every answer.
      if (turn % 4 === 3) at += 1;
      await a.turn();
      const { rowsPerSecond = Number.NaN } = a.slices.quotaFor(tenant);
      expect(rowsPerSecond).toBeGreaterThan(0);
      expect(rowsPerSecond).toBeLessThanOrEqual(LIMIT);
      expect(a.membership.live).toBe(1);
      for (const text of a.counts.of("jets") ?? []) expect(text).toMatch(/^\d+$/);
    }
  }, 120_000);
});
