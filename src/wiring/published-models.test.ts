import { describe, expect, it } from "vitest";
import { modelWith } from "../../test/support/catalog-model.ts";
import { memoryStore } from "../../test/support/memory-store.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { silent } from "../logger.ts";
import { Catalog } from "../registry/catalog/catalog.ts";
import { ManagedRegistry, type Registrations } from "../registry/catalog/managed-registry.ts";
import type { CatalogModel } from "../registry/catalog/types.ts";
import { KnownDigests } from "../registry/known-digests.ts";
import { RegistryServing, type ServingRepository } from "./published-models.ts";

const MODEL = "tagger";
const STREAMING = "2";
const WAIT_MS = 30_000;

/** A registry whose version 2 answers a long stream until `end` is called. */
async function withStream() {
  const catalog = new Catalog(memoryStore());
  await catalog.change(MODEL, undefined, "test", { action: "test" }, () =>
    modelWith("1", STREAMING),
  );
  const clock = new VirtualClock();
  let end = () => {};
  let streaming = true;
  const stream = new Promise<void>((resolve) => {
    end = () => {
      streaming = false;
      resolve();
    };
  });
  const publication = new RegistryServing({
    ...{ catalog, clock, digests: new KnownDigests(), roots: [], backends: [], log: silent },
    blobPath: (digest) => digest,
    published: () => {},
    checkMs: WAIT_MS,
    retireWaitMs: WAIT_MS,
    repository: () => ({
      followRegistered: async () => {},
      released: () => stream,
      leaving: (_name, version) => version === STREAMING && streaming,
      state: () => undefined,
      serving: () => undefined,
      servingAll: () => [],
      alias: () => undefined,
    }),
  });
  const registry = new ManagedRegistry({
    ...{ catalog, publication, registrations: {} as Registrations, keepRetired: 10 },
    readVerdict: () => Promise.reject(new Error("not asked for")),
    date: () => "2026-03-01T12:00:00.000Z",
  });
  const retire = () => registry.retire({ name: MODEL, version: STREAMING }, "too slow", "ada");
  const state = () => catalog.get(MODEL)?.model.versions[STREAMING]?.artifacts[0]?.state;
  const passes = async (ms: number) => {
    await expect.poll(() => clock.pending, { interval: 1 }).toBe(1); // it is being waited for
    await clock.advance(ms);
  };
  return { catalog, clock, end, passes, retire, state };
}

describe("a version that is retired while it answers a long stream", () => {
  it("is waited for as long as it may take", async () => {
    const { clock, end, passes, retire, state } = await withStream();
    const retired = retire();
    await passes(WAIT_MS - 1);
    expect(state()).toBe("retired");
    end();
    expect(await retired).toBe(2);
    expect(clock.pending).toBe(0);
  });

  it("is told to be retired and still answering, where it takes longer", async () => {
    const { passes, retire, state } = await withStream();
    const retired = retire().catch((thrown: unknown) => thrown);
    await passes(WAIT_MS);
    expect(await retired).toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(
        /^version 2 of model 'tagger' is retired and gets no new requests, but .* 30 s .*retire it again/,
      ),
    });
    expect(state()).toBe("retired");
  });

  it("is waited for once more when it is retired again, and changes no more", async () => {
    const { catalog, end, passes, retire } = await withStream();
    const first = retire().catch(() => "late");
    await passes(WAIT_MS);
    expect(await first).toBe("late");
    const again = retire();
    await passes(1);
    end();
    expect(await again).toBe(2);
    expect(catalog.get(MODEL)?.generation).toBe(2);
    await expect(retire()).rejects.toThrow(/nothing to retire/);
  });
});

/** A gateway that follows the catalog, in which requests for `production` go to version 1. */
function serving(aliases: CatalogModel["aliases"]) {
  const model: CatalogModel = { name: "jets", versions: {}, aliases, aliasHistory: [] };
  const repository: Partial<ServingRepository> = {
    followRegistered: async () => {},
    alias: () => "1",
    serving: () => undefined,
    state: () => undefined,
  };
  const parts: Partial<ConstructorParameters<typeof RegistryServing>[0]> = {
    repository: () => repository as ServingRepository,
  };
  const registry = new RegistryServing(parts as never);
  registry.follow = async () => {};
  registry.models.catalogModel = () => model;
  return registry;
}
const at = { at: "2026-11-28T12:00:00.000Z", by: "ci" };

describe("a promotion that requests do not follow", () => {
  it("was overtaken where the alias points elsewhere by now, and is told so", async () => {
    const overtaken = serving({ production: { version: "3", ...at } });
    await expect(overtaken.promoted("jets", "production", "2")).rejects.toMatchObject({
      code: "ABORTED",
      message: expect.stringContaining("was moved to version 3 by somebody else meanwhile"),
    });
    await expect(serving({}).promoted("jets", "production", "2")).rejects.toMatchObject({
      code: "ABORTED",
      message: expect.stringContaining("was dropped by somebody else"),
    });
  });

  it("fails where the version does not serve", async () => {
    const there = serving({ production: { version: "2", ...at } });
    await expect(there.promoted("jets", "production", "2")).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("production stays where it was"),
    });
  });
});
