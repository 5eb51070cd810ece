/** Whoever looks at the dashboard has it under his hands: nothing moves that he holds, and nobody sees what another one saw. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Snapshot } from "../../src/inference/dashboard-report.ts";
import {
  CHROMIUM,
  type DashboardGateway,
  type LookedAt,
  lookAt,
  type Person,
  startDashboardGateway,
  until,
} from "../support/dashboard/people.ts";

const STORY_MS = 180_000;
const EVENTS = /\/dashboard\/events$/;

let gateway: DashboardGateway;
let looked: LookedAt;
let page: Page;
beforeAll(async () => {
  gateway = await startDashboardGateway("");
  if (CHROMIUM === undefined) return;
  looked = await lookAt(gateway, "operator");
  page = looked.page;
}, STORY_MS);
afterAll(async () => {
  await looked?.browser.close();
  await gateway?.stop();
}, STORY_MS);

const open = async (view: string) => {
  await page.goto(`${gateway.base}/#/${view}`);
  await page.waitForSelector(`main[data-view=${view}]`, { state: "attached" });
  await page.waitForSelector("#foot:has-text('snapshot')");
};
const shownId = async () =>
  Number(/snapshot (\d+)/.exec((await page.textContent("#foot")) ?? "")?.[1]);
const newest = async () =>
  (await gateway.json<Snapshot>("/v2/beamgate/dashboard/snapshot", "operator")).id;
/** Other snapshots come meanwhile. */
async function twoSnapshotsLater(): Promise<void> {
  const now = await newest();
  await until(newest, (id) => id >= now + 2);
}
/** As if somebody looked at another tab, or came back. */
const hide = (hidden: boolean) =>
  page.evaluate(
    `Object.defineProperty(document, "hidden", { configurable: true, get: () => ${hidden} });` +
      'document.dispatchEvent(new Event("visibilitychange"))',
  );

describe.skipIf(CHROMIUM === undefined)("a page", { timeout: STORY_MS }, () => {
  it("keeps the tab that has the focus, whatever comes", async () => {
    await open("fleet");
    await page.evaluate("(window.tab = document.querySelectorAll('#tabs a')[2]).focus()");
    const before = await shownId();
    await until(shownId, (id) => id >= before + 2);
    expect(await page.evaluate("document.activeElement === window.tab")).toBe(true);
    await page.keyboard.press("Enter");
    await page.waitForSelector("main[data-view=models]", { state: "attached" });
  });

  it("keeps the focus on a request while newer ones come", async () => {
    await open("requests");
    const link = page.locator("td a", { hasText: "of interest" });
    await until(
      async () => {
        await gateway.infer("of interest");
        return link.count();
      },
      (count) => count > 0,
    );
    await link.first().focus();
    await until(
      async () => {
        await gateway.infer("newer");
        return page.locator("td a", { hasText: "newer" }).count();
      },
      (count) => count > 1,
    );
    expect(await page.evaluate("document.activeElement.textContent")).toBe("of interest");
  });

  it("says that it waits where text is marked, and freezes what is seen", async () => {
    await open("models");
    await page.evaluate("getSelection().selectAllChildren(document.querySelector('main h2'))");
    await page.waitForSelector("#status:has-text('the view waits: text is marked')");
    const seen = await shownId();
    await twoSnapshotsLater();
    expect(await shownId()).toBe(seen);
    await page.keyboard.press("f");
    expect(await page.evaluate("location.hash")).toContain(`snapshot=${seen}&`);
    await page.keyboard.press("f");
    await page.evaluate("getSelection().removeAllRanges()");
    await until(shownId, (id) => id > seen);
    await page.waitForSelector("#status:not(:has-text('marked'))");
  });

  it("takes no connection while nobody sees it, and goes on when somebody does", async () => {
    await open("overview");
    const ended = page.waitForEvent("requestfailed", (request) => EVENTS.test(request.url()));
    await hide(true);
    await ended;
    const last = await shownId();
    await twoSnapshotsLater();
    expect(await shownId()).toBe(last);
    const again = page.waitForEvent("request", (request) => EVENTS.test(request.url()));
    await hide(false);
    await again;
    await until(shownId, (id) => id > last);
  });

  it("is told by its address how it is sorted, whatever clock its reader has", async () => {
    await open("requests");
    const title = () => page.locator("th[aria-sort]");
    await page.goto(`${gateway.base}/#/requests?sort.Newest+requests=-at`);
    await gateway.infer("sorted");
    await title().filter({ hasText: "UTC ↓" }).waitFor();
    await page.keyboard.press("u");
    await title().filter({ hasText: "Local time ↓" }).waitFor();
    await page.keyboard.press("u");
  });

  it("is left as it was where its address names no view, too", async () => {
    await page.goto(`${gateway.base}/#/?as.Latency=table`);
    await page.waitForSelector("[aria-label=Latency] table");
    await page.click("#tabs a:has-text('Fleet')");
    await page.waitForSelector("main[data-view=fleet]", { state: "attached" });
    await page.click("#tabs a:has-text('Overview')");
    await page.waitForSelector("[aria-label=Latency] table");
  });

  it("takes a text that requests are searched for as no wrong id", async () => {
    await page.goto(`${gateway.base}/#/requests?find=simple`);
    await page.waitForSelector("text=the requests below are searched for 'simple'");
    expect(await page.locator("main .notice").count()).toBe(0);
  });

  it("says so where one could not log out, or the gateway is of another version", async () => {
    await open("overview");
    await page.route("**/v2/beamgate/session", (route) => route.fulfill({ status: 503, json: {} }));
    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForSelector("#troubles:has-text('You are still logged in')");
    await page.unroute("**/v2/beamgate/session");
    const now = await gateway.json<Snapshot>("/v2/beamgate/dashboard/snapshot", "operator");
    const body = `retry: 60000\ndata: ${JSON.stringify({ ...now, version: "99.0.0" })}\n\n`;
    await page.route(EVENTS, (route) => route.fulfill({ contentType: "text/event-stream", body }));
    await hide(true);
    await hide(false);
    await page.waitForSelector("#troubles:has-text('it is 99.0.0 now')");
    await page.unroute(EVENTS);
    await page.reload();
    await page.waitForSelector(".tiles");
    expect(await page.isHidden("#troubles")).toBe(true);
  });

  it("forgets all that it showed to one before another one looks", async () => {
    await open("requests");
    await until(
      async () => {
        await gateway.infer("of cms alone");
        return page.locator("td a", { hasText: "of cms alone" }).count();
      },
      (count) => count > 0,
    );
    await page.evaluate("window.isOld = true");
    const key = (person: Person) => JSON.stringify(JSON.stringify({ key: gateway.key(person) }));
    // In another tab, say.
    await page.evaluate(
      `fetch("/v2/beamgate/session", { method: "POST", body: ${key("neighbour")} })`,
    );
    await hide(false);
    await page.waitForSelector("#who:has-text('atlas')");
    expect(await page.evaluate("window.isOld")).toBeUndefined();
    await page.waitForSelector("main[data-view=requests]", { state: "attached" });
    await until(
      async () => (await page.textContent("main")) ?? "",
      (text) => text.includes("No request ended since this view was opened."),
    );
  });

  it("forgets it where nobody is let in any more", async () => {
    await open("models");
    await page.evaluate("fetch('/v2/beamgate/session', { method: 'DELETE' })");
    await page.context().clearCookies();
    await hide(false);
    await page.waitForSelector("form input[name=secret]");
    expect(await page.textContent("#status")).toBe("");
    // What a test refused the browser wrote down.
    expect(looked.errors.filter((error) => !/status of (404|503)/.test(error))).toEqual([]);
  });
});
