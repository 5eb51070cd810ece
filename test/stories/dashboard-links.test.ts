/** An address of the dashboard says all that is shown: it survives a reload, and whoever is sent it sees the same. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Snapshot } from "../../src/inference/dashboard-report.ts";
import {
  CHROMIUM,
  type DashboardGateway,
  type LookedAt,
  lookAt,
  startDashboardGateway,
  until,
} from "../support/dashboard/people.ts";
import { pictures } from "../support/dashboard/pictures.ts";

const STORY_MS = 180_000;

let gateway: DashboardGateway;
let looked: LookedAt;
let colleague: LookedAt;
let load: ReturnType<typeof setInterval>;
beforeAll(async () => {
  gateway = await startDashboardGateway("", ["l1_anomaly"]);
  let asked = 0;
  // Figures move.
  load = setInterval(() => {
    asked += 1;
    void gateway.infer(`event-${asked % 10}`).catch(() => {});
  }, 150);
  if (CHROMIUM === undefined) return;
  looked = await lookAt(gateway, "operator");
  colleague = await lookAt(gateway, "watcher");
}, STORY_MS);
afterAll(async () => {
  clearInterval(load);
  await Promise.all([looked?.browser.close(), colleague?.browser.close()]);
  await gateway?.stop();
}, STORY_MS);

const open = async (page: Page, hash: string) => {
  await page.goto(`${gateway.base}/${hash}`);
  await page.waitForSelector("main > *", { state: "attached" });
};
/** Of the page itself: of what its scripts write there a test hears a moment later. */
const hashOf = async (page: Page) => String(await page.evaluate("location.hash"));
/** By mouse; of what is drawn anew twice a second. */
const press = (page: Page, what: string) => page.locator(what).first().dispatchEvent("click");
const newest = async () =>
  (await gateway.json<Snapshot>("/v2/beamgate/dashboard/snapshot", "operator")).id;
/** What a table of models shows of `simple`. */
const simple = async (page: Page) => {
  const row = page.locator("[aria-label=Models] tr", { hasText: "simple" }).first();
  await row.waitFor();
  return row.textContent();
};

/** Of the one who reloads, and of the one who is sent the address. */
async function everywhere(hash: string, see: (page: Page) => Promise<unknown>): Promise<void> {
  await looked.page.reload();
  await see(looked.page);
  await open(colleague.page, hash);
  // It may be the view that was open already.
  await colleague.page.reload();
  await see(colleague.page);
  expect([await hashOf(looked.page), await hashOf(colleague.page)]).toEqual([hash, hash]);
}

describe.skipIf(CHROMIUM === undefined)("an address", { timeout: STORY_MS }, () => {
  it("has every view, and what is searched for in it", async () => {
    const { page } = looked;
    const tabs = await page.locator("#tabs a").allTextContents();
    expect(tabs.length).toBeGreaterThan(6);
    for (const tab of tabs) {
      await open(page, "#/overview");
      await page.click(`#tabs a:has-text("${tab}")`);
      await page.fill("#find", "cms");
      await everywhere(await hashOf(page), async (its) => {
        await its.waitForSelector(`#tabs a[aria-current=page]:has-text("${tab}")`);
        expect(await its.inputValue("#find"), tab).toBe("cms");
      });
    }
  });

  it("has the model that is looked at, and the request", async () => {
    const { page } = looked;
    await open(page, "#/models");
    await press(page, "[aria-label=Models] a:has-text('simple')");
    await page.waitForSelector(".whole h2:has-text('simple')");
    await everywhere("#/models?find=simple", (its) =>
      its.waitForSelector(".whole h2:has-text('simple')"),
    );
    await open(page, "#/requests?find=event-3");
    await everywhere("#/requests?find=event-3", (its) =>
      its.waitForSelector(".explained h2:has-text('Request event-3')"),
    );
  });

  it("has how tables are sorted, and which charts are tables", async () => {
    const { page } = looked;
    await open(page, "#/models");
    await press(page, "[aria-label=Models] th button:has-text('Requests/s')");
    await page.waitForSelector("th[aria-sort=descending]:has-text('Requests/s')");
    await everywhere("#/models?sort.Models=-Requests%2Fs", (its) =>
      its.waitForSelector("[aria-label=Models] th[aria-sort=descending]:has-text('Requests/s')"),
    );
    await open(page, "#/overview");
    await press(page, "section:has(h2:text-is('Latency')) button:has-text('Table')");
    await everywhere("#/overview?as.Latency=table", (its) =>
      its.waitForSelector("[aria-label=Latency] table"),
    );
    await open(page, "#/requests");
    await press(page, "button:has-text('One scale')");
    await everywhere("#/requests?scale=each", (its) =>
      its.waitForSelector("button[aria-pressed=false]:has-text('One scale')"),
    );
  });

  it("leaves each view as it was left, while one looks at others", async () => {
    const { page } = looked;
    await open(page, "#/models?sort.Models=-p99");
    await page.click("#tabs a:has-text('Fleet')");
    await page.waitForSelector("main[data-view=fleet]");
    expect(await hashOf(page)).toBe("#/fleet");
    await page.click("#tabs a:has-text('Models')");
    await page.waitForSelector("[aria-label=Models] th[aria-sort=descending]:has-text('p99')");
    expect(await hashOf(page)).toBe("#/models?sort.Models=-p99");
  });

  it("has the load test that is about to be started, for those who may", async () => {
    const { page } = looked;
    await open(page, "#/loadtests");
    await press(page, "[aria-label='Start sonic-anomaly']");
    await page.waitForSelector("main form");
    expect(await hashOf(page)).toBe("#/loadtests?preset=sonic-anomaly");
    await page.reload();
    await page.waitForSelector("h2:has-text('Start sonic-anomaly')");
    await open(colleague.page, await hashOf(page));
    await colleague.page.reload();
    await colleague.page.waitForSelector("[aria-label=Presets] td:has-text('sonic-anomaly')");
    expect(await colleague.page.locator("main form").count()).toBe(0);
    await page.click("main form button:has-text('Cancel')");
    expect(await hashOf(page)).toBe("#/loadtests");
  });

  it("that names no view says so", async () => {
    await open(looked.page, "#/modles");
    await looked.page.waitForSelector("text=This page has no view 'modles'.");
    expect(await looked.page.locator("main table").count()).toBe(0);
    await looked.page.click("text=Go to the overview");
    await looked.page.waitForSelector(".tiles");
  });

  it("stays where it is for those who skip what stands above the figures", async () => {
    const { page } = looked;
    await open(page, "#/fleet");
    await page.locator("#skip").focus();
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("view");
    expect(await hashOf(page)).toBe("#/fleet");
  });
});

describe.skipIf(CHROMIUM === undefined)("a moment that was frozen", { timeout: STORY_MS }, () => {
  it("is shown after a reload, to a colleague, and in the other views", async () => {
    const { page } = looked;
    await open(page, "#/models");
    await page.waitForSelector("#foot:has-text('rates over')");
    await page.click("#freeze");
    const then = await simple(page);
    const hash = await hashOf(page);
    expect(hash).toMatch(/^#\/models\?snapshot=\d+&at=\d{4}-/);
    const id = Number(/snapshot=(\d+)/.exec(hash)?.[1]);
    await until(newest, (now) => now > id + 6);
    await everywhere(hash, async (its) => {
      expect(await simple(its)).toBe(then);
      expect(await its.textContent("#frozen")).toMatch(
        /^Frozen: this is how it was at .* UTC \(snapshot \d+\)/,
      );
      // The gateway's state is that of now, and says so.
      await its.waitForSelector("#status:has-text('Now: ')");
    });
    await page.click("#tabs a:has-text('Overview')");
    // What the lines are drawn from came with it.
    await page.waitForSelector(".chart canvas");
    await press(page, "section:has(h2:text-is('Latency')) button:has-text('Table')");
    await page.waitForSelector("[aria-label=Latency] table");
    const last = await page.textContent("[aria-label=Latency] tbody td");
    expect(last).toBe(decodeURIComponent(/at=([^&]+)/.exec(hash)?.[1] ?? "").slice(11, 23));
    // Nothing new comes, but the page becomes as narrow as a telephone.
    await page.setViewportSize({ width: 390, height: 800 });
    const wide = () => page.evaluate("document.documentElement.scrollWidth - innerWidth");
    await expect.poll(wide, { timeout: 30_000 }).toBeLessThanOrEqual(0);
    await page.setViewportSize({ width: 1440, height: 900 });
    await pictures(page, "frozen");
    await page.click("#frozen button");
    await page.waitForSelector("#foot:has-text('rates over')");
    expect(await hashOf(page)).toBe("#/overview?as.Latency=table");
    expect(await page.isHidden("#frozen")).toBe(true);
  });

  it.each([
    [
      "too old",
      "#/models?snapshot=4711&at=2020-02-02T20%3A20%3A20.020Z",
      "2020-02-02 20:20:20 UTC (snapshot 4711)",
    ],
    ["of a process before", "", "2020-02-02 20:20:20 UTC (snapshot "],
    ["cut off", "#/models?snapshot=3", "a time that is not told (snapshot 3)"],
  ])("that is %s is not there, and nothing else is shown for it", async (why, link, told) => {
    const { page } = looked;
    // The number is known, the moment another one.
    const known = `#/models?snapshot=${await newest()}&at=2020-02-02T20%3A20%3A20.020Z`;
    const hash = link === "" ? known : link;
    await open(page, hash);
    await everywhere(hash, async (its) => {
      await its.waitForSelector("main .notice:has-text('Nothing is shown')");
      expect(await its.textContent("main")).toContain(told);
      expect(await its.locator("main table, main .tiles").count()).toBe(0);
    });
    if (why === "too old") await pictures(page, "gone");
    await page.click("text=Show how it is now");
    await simple(page);
    expect(await hashOf(page)).toBe("#/models");
  });

  it("leaves nothing that went wrong", () => {
    const errors = [...looked.errors, ...colleague.errors];
    // That a snapshot is gone is told by a status, which the browser writes down.
    expect(errors.filter((error) => !error.includes("404"))).toEqual([]);
  });
});
