import { describe, expect, it } from "vitest";
import { digestFor, modelWith, withArtifact } from "../../../test/support/catalog-model.ts";
import { MemoryDisk } from "../../../test/support/memory-store.ts";
import { Catalog } from "./catalog.ts";
import { ManagedRegistry, type Registrations } from "./managed-registry.ts";

const MODEL = "tagger";

/** A gateway's registry; several on one disk follow each other only when they look. */
function registryOn(disk: MemoryDisk, told: string[] = []) {
  const tell = (what: string) => async () => void told.push(what);
  const catalog = new Catalog(disk.open());
  const registry = new ManagedRegistry({
    catalog,
    registrations: {} as Registrations,
    publication: {
      follow: tell("follow"),
      trouble: () => undefined,
      promoted: tell("promoted"),
      retired: tell("retired"),
      leaving: () => false,
    },
    readVerdict: () => Promise.reject(new Error("not asked for")),
    keepRetired: 10,
    date: () => "2026-03-01T12:00:00.000Z",
  });
  return { catalog, registry };
}

describe("a model of which another gateway was told a moment ago", () => {
  const twoGateways = async () => {
    const disk = new MemoryDisk();
    const [one, other] = [registryOn(disk), registryOn(disk)];
    await one.catalog.change(MODEL, undefined, "ada", { action: "register" }, () => modelWith("1"));
    return { one, other };
  };
  const add = { action: "register", version: "2" };
  const second = { digest: digestFor("cpu 2") };

  it("can be promoted at once", async () => {
    const { one, other } = await twoGateways();
    const to = { alias: "candidate", version: "1" };
    expect(await other.registry.promote(MODEL, to, "bob")).toBe(2);
    await one.catalog.change(MODEL, undefined, "ada", add, (model) =>
      withArtifact(model, "2", second),
    );
    expect(await other.registry.promote(MODEL, { ...to, version: "2" }, "bob")).toBe(4);
  });

  it("can be pinned, retired and removed at once", async () => {
    const { one, other } = await twoGateways();
    expect(await other.registry.pin({ name: MODEL, version: "1" }, { note: "kept" }, "bob")).toBe(
      2,
    );
    await one.catalog.change(MODEL, undefined, "ada", add, (model) =>
      withArtifact(model, "2", second),
    );
    expect(await other.registry.retire({ name: MODEL, version: "2" }, "slow", "bob")).toBe(4);
    expect(await one.registry.remove({ name: MODEL, version: "2" }, "ada")).toBe(5);
  });
});

/** A registry with models of these names. */
async function registryOf(...names: string[]): Promise<ManagedRegistry> {
  const { catalog, registry } = registryOn(new MemoryDisk());
  for (const name of names) {
    await catalog.change(name, undefined, "ada", { action: "register" }, () => ({
      ...modelWith("1"),
      name,
    }));
  }
  return registry;
}

describe("a model that is not registered", () => {
  it.each([
    [[], "there are none"],
    [["jets", "taus"], "there are jets, taus"],
    [[..."abcdefghijk"], "there are a, b, c, d, e, f, g, h and 3 more"],
  ])("is told beside those that are: %j", async (names, told) => {
    const promoted = (await registryOf(...names)).promote(
      "jest",
      { alias: "a", version: "1" },
      "me",
    );
    await expect(promoted).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: `the registry has no model 'jest'; ${told}`,
    });
  });
});

describe("a change that is acknowledged", () => {
  it("is followed once: who waits for a promotion or the last request follows by itself", async () => {
    const told: string[] = [];
    const { catalog, registry } = registryOn(new MemoryDisk(), told);
    await catalog.change(MODEL, undefined, "ada", { action: "register" }, () =>
      modelWith("1", "2", "3"),
    );
    await registry.promote(MODEL, { alias: "candidate", version: "2" }, "ada");
    expect(told.splice(0)).toEqual(["follow", "promoted"]); // before anything is changed, and after
    await registry.retire({ name: MODEL, version: "3" }, "slow", "ada");
    expect(told.splice(0)).toEqual(["retired"]);
    await registry.pin({ name: MODEL, version: "2" }, { note: "kept" }, "ada");
    expect(told).toEqual(["follow"]);
  });
});
