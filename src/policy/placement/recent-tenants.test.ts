import { expect, it } from "vitest";
import { RecentTenants } from "./recent-tenants.ts";

const rowsOf = (tenant: string, rows: number) => ({
  ...{ tenant, weight: 1, guarantee: 0, rows, requests: rows },
});

it("lists each tenant that waits once, and who waited within the last seconds, with no rows", () => {
  const recent = new RecentTenants();
  expect(recent.list([rowsOf("cms", 0), rowsOf("cms", 2), rowsOf("cms", 3)], 0)).toEqual([
    rowsOf("cms", 5),
  ]);
  expect(recent.list([rowsOf("atlas", 1)], 1_000)).toEqual([rowsOf("cms", 0), rowsOf("atlas", 1)]);
  expect(recent.list([], 2_001)).toEqual([rowsOf("atlas", 0)]);
  expect(recent.list([], 3_001)).toEqual([]);
});
