import { describe, expect, it } from "vitest";
import type { CatalogModel } from "../registry/catalog/types.ts";
import { RegistryServing, type ServingRepository } from "./published-models.ts";

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
