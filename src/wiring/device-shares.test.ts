import { expect, it } from "vitest";
import { aTenant } from "../../test/support/tenants.ts";
import { DeviceShares } from "./device-shares.ts";

it("has one clock for the models of a platform, and one for each model on cores", () => {
  const shares = new DeviceShares();
  expect(shares.ofPlatform("u50").clock).toBe(shares.ofPlatform("u50").clock);
  expect(shares.ofPlatform("u50").clock).not.toBe(shares.ofPlatform("u250").clock);
  expect(shares.ofOwnWorkers().clock).not.toBe(shares.ofOwnWorkers().clock);
});

it("adds up what tenants used, by pool, and what of it was lent", () => {
  const shares = new DeviceShares();
  const tenant = aTenant(0, { name: "cms", guarantee: 0.25 });
  shares.ofOwnWorkers().use.add(tenant, 1_000, 1);
  shares.ofOwnWorkers().use.add(tenant, 1_000, 0.25);
  shares.ofPlatform("u50").use.add(tenant, 10, 0.5);
  expect([...shares.all()]).toEqual([
    { pool: "cpu", tenant: "cms", usedUs: 2_000, borrowedUs: 750 },
    { pool: "u50", tenant: "cms", usedUs: 10, borrowedUs: 5 },
  ]);
});
