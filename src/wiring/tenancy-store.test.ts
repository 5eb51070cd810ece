import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silent } from "../logger.ts";
import { openTenancyStore, type TenancyStore, tellOf } from "./tenancy-store.ts";

let folder: string;
let stores: TenancyStore[];
/** ms after the change. */
let later = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tenancy-"));
  stores = [];
  later = 0;
});
afterEach(async () => {
  for (const store of stores) await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function opened(): Promise<TenancyStore> {
  const store = await openTenancyStore(folder, { log: silent, now: () => Date.now() + later });
  stores.push(store);
  return store;
}

const lineOf = (tenant: string) => ({
  ...{ at: new Date().toISOString(), who: "ops", action: "set tenant" },
  tenant,
});

describe("an audit log without the line of a change, as its gateway died in between,", () => {
  it("is completed by the next one, once the line cannot be on its way any more", async () => {
    const died = await opened();
    const [cms, atlas] = [lineOf("cms"), lineOf("atlas")];
    const terms = died.value("tenants", {});
    await terms.commit(0, { cms: {} }, cms);
    await terms.commit(1, { cms: {}, atlas: {} }, atlas);
    await tellOf(died, atlas, 2);

    const next = await opened();
    await next.refresh();
    expect(await next.audit.read(9)).toEqual([{ ...atlas, generation: 2 }]);
    later = 11_000;
    await next.refresh();
    const whole = [
      { ...cms, generation: 1 },
      { ...atlas, generation: 2 },
    ];
    expect(await next.audit.read(9)).toEqual(whole);
    later = 60_000;
    await next.refresh();
    expect(await (await opened()).audit.read(9)).toEqual(whole);
  });
});

describe("a change whose line cannot be written", () => {
  it("holds, and its client is told so", async () => {
    const full = { append: () => Promise.reject(new Error("no space")), read: async () => [] };
    const told = tellOf({ audit: full }, lineOf("cms"), 3);
    await expect(told).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      message: expect.stringMatching(/'set tenant' holds \(generation 3\).* no space; its line/),
    });
  });
});
