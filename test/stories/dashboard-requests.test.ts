/** Requests as they end, on the dashboard: where their time went, and who may see whose. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RequestSamples } from "../../src/inference/request-sample.ts";
import {
  CHROMIUM,
  type DashboardGateway,
  type LookedAt,
  lookAt,
  startDashboardGateway,
  until,
} from "../support/dashboard/people.ts";

const STORY_MS = 180_000;
const REQUESTS = "/v2/beamgate/dashboard/requests";

let gateway: DashboardGateway;
beforeAll(async () => {
  gateway = await startDashboardGateway("");
}, STORY_MS);
afterAll(() => gateway?.stop(), STORY_MS);

const seen = (person: Parameters<DashboardGateway["json"]>[1], after = 0) =>
  gateway.json<RequestSamples>(`${REQUESTS}?after=${after}`, person);
const has = (id: string) => (told: RequestSamples) => told.requests.some((one) => one.id === id);

describe("requests that end while somebody looks", () => {
  it("are told with their stages, which add up", async () => {
    await gateway.infer("before anybody looked");
    expect(await seen("watcher")).toEqual({ last: 0, requests: [] });
    expect((await gateway.infer("seen")).status).toBe(200);
    const { requests } = await until(() => seen("watcher"), has("seen"));
    const one = requests.find(({ id }) => id === "seen");
    expect(one).toMatchObject({ model: "simple", tenant: "cms", outcome: "answered", rows: 1 });
    const { wireUs = 0, queueUs = 0, batchUs = 0, computeUs = 0, totalUs = 0 } = one ?? {};
    expect(computeUs).toBeGreaterThan(0);
    expect(Math.abs(wireUs + queueUs + batchUs + computeUs - totalUs)).toBeLessThanOrEqual(4);
    expect(requests.some(({ id }) => id.startsWith("before"))).toBe(false);
  });

  it("are told to those who may see them: their own tenant, and operators", async () => {
    await seen("watcher");
    await gateway.infer("of cms");
    await until(() => seen("watcher"), has("of cms"));
    expect(has("of cms")(await seen("operator"))).toBe(true);
    expect((await seen("neighbour")).requests).toEqual([]);
    expect((await seen("stranger")).requests).toEqual([]);
    expect((await gateway.asked(REQUESTS, "infer")).status).toBe(403);
  });

  it("are explained to the same ones", async () => {
    await gateway.infer("asked about");
    const status = async (person: Parameters<DashboardGateway["json"]>[1]) =>
      (await gateway.asked("/v2/beamgate/explain/asked%20about", person)).status;
    expect(await Promise.all((["watcher", "operator"] as const).map(status))).toEqual([200, 200]);
    expect(await Promise.all((["neighbour", "stranger"] as const).map(status))).toEqual([404, 404]);
  });

  it("are asked for by a number, or the answer says so", async () => {
    for (const after of ["x", "-1", "1.5"])
      expect((await gateway.asked(`${REQUESTS}?after=${after}`, "watcher")).status).toBe(400);
  });
});

describe.skipIf(CHROMIUM === undefined)("in a browser", () => {
  let looked: LookedAt;
  beforeAll(async () => {
    looked = await lookAt(gateway, "operator");
  }, STORY_MS);
  afterAll(() => looked?.browser.close(), STORY_MS);

  it(
    "come by themselves, as bars, are found by id, and told in full",
    async () => {
      const { page, errors } = looked;
      await page.goto(`${gateway.base}/#/requests`);
      await page.waitForSelector("h2:has-text('Newest requests')");
      await until(
        async () => {
          await gateway.infer("event-7");
          return page.locator("td a", { hasText: "event-7" }).count();
        },
        (count) => count > 0,
      );
      const row = page.locator("tr", { hasText: "event-7" }).first();
      expect(await row.locator("svg rect.compute").count()).toBe(1);
      await page.fill("#find", "no such request");
      await page.waitForSelector("text=None of those that are shown is like that.");
      await page.fill("#find", "event-7");
      await page.locator("td a", { hasText: "event-7" }).first().click();
      await page.waitForSelector(".explained h2:has-text('Request event-7')");
      expect(new URL(page.url()).hash).toBe("#/requests?find=event-7");
      expect(await page.textContent(".explained dl")).toContain("cms");
      expect(await page.locator("h2", { hasText: "Batches" }).count()).toBe(1);
      expect(errors).toEqual([]);
    },
    STORY_MS,
  );

  it(
    "stay as they are while the page is frozen",
    async () => {
      const { page } = looked;
      await page.goto(`${gateway.base}/#/requests`);
      await page.waitForSelector("h2:has-text('Newest requests')");
      await page.click("#freeze");
      await gateway.infer("while frozen");
      await page.waitForTimeout(2_500);
      expect(await page.locator("td a", { hasText: "while frozen" }).count()).toBe(0);
      await page.click("#freeze");
      await until(
        async () => {
          await gateway.infer("thawed");
          return page.locator("td a", { hasText: "thawed" }).count();
        },
        (count) => count > 0,
      );
    },
    STORY_MS,
  );
});
