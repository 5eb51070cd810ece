/** Two gateways on one store and one real Redis, without ports. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { eventually } from "../../test/support/process-tree.ts";
import { NO_REDIS, type RedisServer, startRedis } from "../../test/support/redis/redis-server.ts";
import { redisSettings } from "../../test/support/redis/redis-settings.ts";
import { storeFolders } from "../../test/support/store-folder.ts";
import { systemClock } from "../clock.ts";
import { DEFAULT_TENANT } from "../inference/caller.ts";
import { silent } from "../logger.ts";
import { Catalog } from "../registry/catalog/catalog.ts";
import type { CatalogModel } from "../registry/catalog/types.ts";
import { type FileStore, openFileStore } from "../store/files/file-store.ts";
import { createSeveral, type Several } from "./several.ts";
import type { TenancySharing } from "./tenancy.ts";

const newFolder = storeFolders();
/** Within it something happens, however slow the machine is. */
const LIMIT_MS = 20_000;
/** Before they would look by themselves. */
const EARLY_MS = 5_000;
const EMPTY: CatalogModel = { name: "jets", versions: {}, aliases: {}, aliasHistory: [] };

describe.skipIf(NO_REDIS)(`several gateways${NO_REDIS ? ` (${NO_REDIS})` : ""}`, () => {
  let redis: RedisServer;
  const stores: FileStore[] = [];
  const running: Several[] = [];

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    for (const each of running.splice(0)) {
      await each.service.stop();
      await each.countsService.stop();
    }
    for (const store of stores.splice(0)) await store.close();
  });
  afterAll(() => redis.remove());

  async function newGateway(id: string, folder: string, tenancy?: TenancySharing) {
    const store = await openFileStore(folder);
    stores.push(store);
    const catalog = new Catalog(store);
    const several = createSeveral({
      settings: redisSettings({ url: redis.url }),
      catalog,
      self: {
        id,
        facts: () => ({ id, address: `${id}:8001`, version: "1", since: id }),
      },
      folders: [folder],
      tenancy,
      counters: () => [],
      clock: systemClock,
      log: silent,
    });
    await several.service.start(new AbortController().signal);
    running.push(several);
    return { catalog, several };
  }

  it("follow a change of the registry without looking, and tell nothing of what they only followed", async () => {
    const folder = newFolder();
    const a = await newGateway("a", folder);
    const b = await newGateway("b", folder);
    await eventually(() => b.several.report().redis === "up", LIMIT_MS);
    // The subscription of each is there.
    expect(
      await eventually(
        () => redis.command("pubsub", "numsub", "{beamgate}:registry-changed").endsWith("2"),
        LIMIT_MS,
      ),
    ).toBeDefined();
    const { generation } = await a.catalog.change(
      "jets",
      0,
      "me",
      { action: "register" },
      () => EMPTY,
    );
    const followedMs = await eventually(
      () => b.catalog.get("jets")?.generation === generation,
      LIMIT_MS,
      1,
    );
    expect(followedMs).toBeLessThan(EARLY_MS);
    expect(b.several.figures().changesHeard).toBe(1);
    await b.catalog.change("jets", generation, "me", { action: "retire" }, () => undefined);
    expect(await eventually(() => a.catalog.get("jets") === undefined, LIMIT_MS)).toBeDefined();
    expect(a.several.figures().changesHeard).toBe(1);
    expect(b.several.figures().changesHeard).toBe(1);
  });

  it("know of each other, and forget the one that drains", async () => {
    const a = await newGateway("a", newFolder());
    const b = await newGateway("b", newFolder());
    const listed = () =>
      a.several.report().gateways.map(({ id, self }) => `${id}${self ? "*" : ""}`);
    expect(await eventually(() => listed().join() === "a*,b", LIMIT_MS)).toBeDefined();
    expect(a.several.figures()).toMatchObject({ state: "up", gateways: 2, failures: 0 });
    await b.several.service.drain?.();
    expect(redis.command("hkeys", "{beamgate}:gateways")).toBe("a");
  });

  it("share the upkeep of a folder: one does it, the next when that one stops, all while Redis is away", async () => {
    const [folder, other] = [newFolder(), newFolder()];
    const a = await newGateway("a", folder);
    const b = await newGateway("b", folder);
    const c = await newGateway("c", other);
    const whose = async () => {
      const mine = await Promise.all([a, b].map(({ several }) => several.upkeepIsMine(folder)));
      return mine.map((each, at) => (each ? "ab"[at] : "")).join("");
    };
    await vi.waitFor(async () => expect(await whose()).toMatch(/^[ab]$/), { timeout: LIMIT_MS });
    const first = await whose();
    expect(await c.several.upkeepIsMine(other)).toBe(true);
    await (first === "a" ? a : b).several.service.drain?.();
    const second = first === "a" ? "b" : "a";
    await vi.waitFor(async () => expect(await whose()).toBe(second), { timeout: LIMIT_MS });
    await redis.kill();
    await vi.waitFor(
      async () => expect(await (first === "a" ? b : a).several.upkeepIsMine(folder)).toBe(true),
      { timeout: LIMIT_MS },
    );
    await redis.start();
  });

  it("divide a tenant's limits by need, and evenly while Redis is away", async () => {
    const quota = { rowsPerSecond: 1000, concurrentBytes: 100 };
    const tenant = { ...DEFAULT_TENANT, name: "cms", quota };
    let changes = 0;
    const sharing = (rowsPerSecond: number): TenancySharing => ({
      demands: () => [{ tenant, use: { rowsPerSecond } }],
      sharesChanged: () => {
        changes += 1;
      },
    });
    const busy = await newGateway("a", newFolder(), sharing(1000));
    const idle = await newGateway("b", newFolder(), sharing(0));
    const parts = () => [busy, idle].map(({ several }) => several.shareOf(tenant).quota);
    const busyRate = () => parts()[0]?.rowsPerSecond ?? 0;
    expect(await eventually(() => idle.several.figures().gateways === 2, LIMIT_MS)).toBeDefined();
    expect(await eventually(() => busyRate() > 700 && busyRate() < 1000, LIMIT_MS)).toBeDefined();
    expect(parts().map(({ concurrentBytes }) => concurrentBytes)).toEqual([50, 50]);
    expect(changes).toBeGreaterThan(1);
    await redis.kill();
    expect(await eventually(() => busyRate() === 500, LIMIT_MS)).toBeDefined();
    await redis.start();
  });

  it("start and stop where Redis is away", async () => {
    await redis.kill();
    const a = await newGateway("a", newFolder());
    await eventually(() => a.several.figures().failures > 0, LIMIT_MS);
    expect(a.several.report()).toMatchObject({
      redis: "down",
      gateways: [{ id: "a", self: true }],
    });
    await a.several.service.drain?.();
    await redis.start();
  });
});
