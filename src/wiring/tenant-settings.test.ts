import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_TENANT, type Tenant } from "../inference/caller.ts";
import { silent } from "../logger.ts";
import { openTenancyStore, type TenancyStore } from "./tenancy-store.ts";
import { TenantSettings } from "./tenant-settings.ts";

const cms: Tenant = {
  ...{ ...DEFAULT_TENANT, name: "cms", index: 1, weight: 2, guarantee: 0.5 },
  quota: { rowsPerSecond: 1000 },
};
const atlas: Tenant = { ...DEFAULT_TENANT, name: "atlas", index: 2, guarantee: 0.4 };

let folder: string;
let stores: TenancyStore[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tenancy-"));
  stores = [];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function opened(where: string | undefined) {
  const store = await openTenancyStore(where, { log: silent });
  stores.push(store);
  const settings = new TenantSettings({
    ...{ tenants: () => [cms, atlas], store, used: () => ({}), wallMs: () => 0 },
  });
  return { settings, refresh: () => store.refresh() };
}
const by = (who: string, given: { generation?: number; dryRun?: boolean } = {}) => ({
  ...{ who, dryRun: false, ...given },
});

for (const [where, path] of [
  ["in memory", () => undefined],
  ["in a folder", () => join(folder, "state")],
] as const) {
  describe(`terms of tenants ${where}`, () => {
    it("hold as soon as they are changed, and are told before and after", async () => {
      const { settings } = await opened(path());
      let told = 0;
      settings.onChange = () => {
        told += 1;
      };
      const change = { weight: 5, quota: { rowsPerSecond: 10 } };
      expect(await settings.change("cms", change, by("ops"))).toEqual({
        before: { weight: 2, guarantee: 0.5, quota: { rowsPerSecond: 1000 } },
        after: { weight: 5, guarantee: 0.5, quota: { rowsPerSecond: 10 } },
        generation: 1,
      });
      expect(settings.adjusted(cms)).toMatchObject({ weight: 5, quota: { rowsPerSecond: 10 } });
      expect(settings.adjusted(atlas)).toBe(atlas);
      expect(told).toBe(1);
    });

    it("stay as they are in a preview", async () => {
      const { settings } = await opened(path());
      const preview = await settings.change("cms", { weight: 5 }, by("ops", { dryRun: true }));
      expect(preview).toMatchObject({ after: { weight: 5 }, generation: 0 });
      expect(settings.adjusted(cms).weight).toBe(2);
      expect(await settings.audit(10)).toEqual([]);
    });

    it("are not overwritten by somebody who saw older ones", async () => {
      const { settings } = await opened(path());
      await settings.change("cms", { weight: 5 }, by("one", { generation: 0 }));
      const late = settings.change("atlas", { weight: 7 }, by("other", { generation: 0 }));
      await expect(late).rejects.toMatchObject({ code: "ABORTED" });
      expect(settings.adjusted(atlas).weight).toBe(1);
    });

    it("are those of the file again after a reset; who did it stands in the audit", async () => {
      const { settings } = await opened(path());
      await settings.change("cms", { weight: 5 }, by("one"));
      await settings.change("cms", undefined, by("other"));
      expect(settings.adjusted(cms)).toBe(cms);
      expect(await settings.audit(10)).toMatchObject([
        {
          who: "other",
          action: "reset tenant",
          tenant: "cms",
          after: { weight: 2 },
          generation: 2,
        },
        { who: "one", action: "set tenant", tenant: "cms", after: { weight: 5 }, generation: 1 },
      ]);
    });

    it("are refused where they promise too much, or are of nobody", async () => {
      const { settings } = await opened(path());
      const much = settings.change("atlas", { guarantee: 0.6 }, by("ops"));
      await expect(much).rejects.toThrow("the guarantees of all tenants are 1.1 together");
      const nobody = settings.change("lhcb", { weight: 1 }, by("ops"));
      await expect(nobody).rejects.toThrow("there is no tenant 'lhcb'; there are cms, atlas");
      expect(settings.list().generation).toBe(0);
    });
  });
}

describe("terms of tenants in a folder", () => {
  it("are there after a restart, and in the other gateway that shares it", async () => {
    const here = await opened(join(folder, "state"));
    const there = await opened(join(folder, "state"));
    let told = 0;
    there.settings.onChange = () => {
      told += 1;
    };
    await here.settings.change("cms", { quota: { rowsPerSecond: null } }, by("ops"));
    await there.refresh();
    there.settings.noticeChange();
    there.settings.noticeChange();
    expect(there.settings.adjusted(cms).quota).toEqual({});
    expect(told).toBe(1);
    const later = await opened(join(folder, "state"));
    expect(later.settings.list()).toMatchObject({ generation: 1, durable: true });
    expect(later.settings.adjusted(cms).quota).toEqual({});
  });
});
