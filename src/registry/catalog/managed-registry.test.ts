import { describe, expect, it } from "vitest";
import { FakeCatalog } from "../../../test/support/fake-catalog.ts";
import { ManagedRegistry } from "./managed-registry.ts";

const registryOf = (...names: string[]) => {
  const catalog = new FakeCatalog();
  catalog.remove();
  for (const name of names) catalog.set(name, "1", {});
  const parts = { catalog: { get: () => undefined, snapshot: () => catalog.snapshot() } };
  return new ManagedRegistry(parts as never);
};

describe("a model that is not registered", () => {
  it.each([
    [[], "there are none"],
    [["jets", "taus"], "there are jets, taus"],
    [[..."abcdefghijk"], "there are a, b, c, d, e, f, g, h and 3 more"],
  ])("is told beside those that are: %j", async (names, told) => {
    const promoted = registryOf(...names).promote("jest", { alias: "a", version: "1" }, "me");
    await expect(promoted).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: `the registry has no model 'jest'; ${told}`,
    });
  });
});
