/** Everybody can use the dashboard: axe-core finds nothing serious in any view and theme, and keys do what mice do. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CHROMIUM,
  type DashboardGateway,
  type LookedAt,
  lookAt,
  startDashboardGateway,
  until,
} from "../support/dashboard/people.ts";
import { picture, pictures, THEMES, WIDTHS } from "../support/dashboard/pictures.ts";

const STORY_MS = 300_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const MOST_BYTES = 300_000;

let gateway: DashboardGateway;
let looked: LookedAt;
beforeAll(async () => {
  gateway = await startDashboardGateway("", ["l1_anomaly"]);
  if (CHROMIUM !== undefined) looked = await lookAt(gateway, "operator");
}, STORY_MS);
afterAll(async () => {
  await looked?.browser.close();
  await gateway?.stop();
}, STORY_MS);

describe.skipIf(CHROMIUM === undefined)("the page", () => {
  const views = async () => {
    const links = looked.page.locator("#tabs a");
    const all = await links.evaluateAll((found) => found.map((link) => link.getAttribute("href")));
    return all.map((href) => String(href).replace("#/", "").replace(/\?.*/, ""));
  };
  const open = async (view: string, query = "") => {
    await looked.page.goto(`${gateway.base}/#/${view}${query}`);
    // Whether it can be seen is asked of an element that the next snapshot replaces.
    await looked.page.waitForSelector(`main[data-view="${view}"]`, { state: "attached" });
  };
  const serious = async (): Promise<string[]> => {
    const { page } = looked;
    await page.evaluate(AXE);
    const { violations } = (await page.evaluate("axe.run(document)")) as AxeResults;
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
  };

  it(
    "has nothing that axe-core calls serious, in both themes, at both widths, in every view",
    async () => {
      const { page } = looked;
      const all = await views();
      expect(all).toEqual(
        expect.arrayContaining(["overview", "fleet", "models", "shares", "requests", "loadtests"]),
      );
      const found: Record<string, string[]> = {};
      for (const [width, height] of WIDTHS) {
        await page.setViewportSize({ width, height });
        for (const theme of THEMES) {
          for (const view of all) {
            await gateway.infer("event-1");
            await open(view, view === "requests" ? "?find=event-1" : "");
            if (view === "requests") await page.waitForSelector(".explained");
            if (view === "loadtests") {
              await page.click("[aria-label='Start sonic-anomaly']");
              await page.waitForSelector("main form");
            }
            await page.evaluate(`document.documentElement.dataset.theme = "${theme}"`);
            await page.waitForTimeout(700);
            const where = `${view}, ${theme}, ${width} px`;
            found[where] = await serious();
            const wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
            if (Number(wide) > 0) found[where].push(`wider than the screen by ${wide}`);
            await picture(page, `${view}-${theme}-${width}`);
          }
        }
      }
      const bad = Object.entries(found).filter(([, each]) => each.length > 0);
      expect(Object.fromEntries(bad)).toEqual({});
    },
    STORY_MS,
  );

  it("is looked at by something that finds what is wrong", async () => {
    await open("overview");
    await looked.page.evaluate("document.body.append(document.createElement('button'))");
    expect(await serious()).toEqual([expect.stringContaining("button-name")]);
    await open("fleet");
  });

  it(
    "is used by keys: views, search, theme, zone, a list of them",
    async () => {
      const { page } = looked;
      await page.setViewportSize({ width: 1440, height: 900 });
      await open("overview");
      const all = await views();
      await page.keyboard.press(String(all.indexOf("models") + 1));
      await page.waitForSelector("h2:has-text('Models')");
      await page.keyboard.press("/");
      await page.keyboard.type("nothing is called so");
      await page.waitForSelector("text=Nothing of that name.");
      expect(new URL(page.url()).hash).toBe("#/models?find=nothing+is+called+so");
      await page.fill("#find", "");
      await page.keyboard.press("Escape");
      const zone = () => page.textContent("#zone");
      expect(await zone()).toBe("UTC");
      await page.keyboard.press("u");
      expect(await zone()).toBe("Local");
      await page.keyboard.press("u");
      await page.keyboard.press("?");
      await page.waitForSelector("dialog[open] kbd");
      await pictures(page, "keys");
      expect(await page.textContent("dialog[open]")).toContain("find, in every table");
      await page.keyboard.press("Escape");
      await page.waitForSelector("dialog", { state: "detached" });
    },
    STORY_MS,
  );

  it(
    "has a table behind every chart, as CSV and as PromQL",
    async () => {
      const { page } = looked;
      await open("overview");
      await until(
        () => page.locator(".chart canvas").count(),
        (count) => count >= 2,
      );
      const charts = await page.locator("section:has(.chart)").count();
      for (let at = 0; at < charts; at += 1) {
        const section = page.locator("section:has(.chart)").first();
        const title = await section.locator("h2").textContent();
        await section.getByRole("button", { name: "Copy PromQL" }).waitFor();
        await section.getByRole("button", { name: "Table", exact: true }).click();
        const table = page.locator("section:has(table)", {
          has: page.locator("h2", { hasText: new RegExp(`^${title}$`) }),
        });
        await table.locator("th", { hasText: "UTC" }).waitFor();
        const saved = page.waitForEvent("download");
        await table.getByRole("button", { name: "CSV" }).click();
        const file = readFileSync(await (await saved).path(), "utf8");
        expect(file.split("\r\n")[0]).toMatch(/^UTC,/);
        expect(file.split("\r\n").length).toBeGreaterThan(2);
      }
      expect(await page.locator(".chart").count()).toBe(0);
    },
    STORY_MS,
  );

  it(
    "moves nothing for whoever does not want that",
    async () => {
      const { page } = looked;
      await page.emulateMedia({ reducedMotion: "reduce" });
      const moving =
        "[...document.querySelectorAll('*')].filter((element) => { const style = getComputedStyle(element);" +
        "return style.animationName !== 'none' || style.transitionDuration.split(',').some((each) => parseFloat(each) > 0) }).length";
      expect(await page.evaluate(moving)).toBe(0);
    },
    STORY_MS,
  );

  it(
    "is shown what it missed, where its stream broke for a moment",
    async () => {
      const newest = async () =>
        (await gateway.json<{ id: number }>("/v2/beamgate/dashboard/snapshot", "operator")).id;
      const known = await newest();
      await until(newest, (id) => id >= known + 3);
      const stop = new AbortController();
      const answer = await gateway.asked("/v2/beamgate/dashboard/events", "operator", {
        headers: { "last-event-id": String(known) },
        signal: stop.signal,
      });
      let text = "";
      for await (const piece of answer.body ?? []) {
        text += Buffer.from(piece).toString();
        if (text.split("\nid: ").length > 3) break;
      }
      stop.abort();
      const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
      expect(ids.slice(0, 3)).toEqual([known + 1, known + 2, known + 3]);
    },
    STORY_MS,
  );

  it(
    "is shown at most four snapshots a second",
    async () => {
      const { page } = looked;
      await open("overview");
      const counted =
        "new Promise((done) => { const began = performance.now(); const source = new EventSource('/v2/beamgate/dashboard/events'); const ids = [];" +
        "source.onmessage = ({ lastEventId }) => ids.push(Number(lastEventId));" +
        "setTimeout(() => { source.close(); done({ ids, ms: performance.now() - began }); }, 3000); })";
      const { ids, ms } = (await page.evaluate(counted)) as { ids: number[]; ms: number };
      expect(ids.length).toBeGreaterThan(1);
      expect(ids.length).toBeLessThanOrEqual((ms / 1000) * 4 + 1);
      expect(ids).toEqual([...new Set(ids)].toSorted((one, other) => one - other));
    },
    STORY_MS,
  );

  it("weighs little, whatever view is open, and nothing went wrong on it", async () => {
    const sizes = new Map<string, number>();
    const load = async (path: string): Promise<void> => {
      if (sizes.has(path)) return;
      sizes.set(path, 0);
      const answer = await fetch(gateway.base + path);
      expect(answer.status, path).toBe(200);
      const text = await answer.text();
      sizes.set(path, Buffer.byteLength(text));
      const named = path.endsWith(".js")
        ? [...text.matchAll(/(?:from|import)\s*"(\.[^"]+)"/g)]
        : [...text.matchAll(/(?:src|href)="(\/dashboard\/[^"]+)"/g)];
      for (const [, name = ""] of named) await load(new URL(name, `http://x${path}`).pathname);
    };
    await load("/");
    expect(sizes.has("/dashboard/views/loadtests.js")).toBe(true);
    const bytes = [...sizes.values()].reduce((all, one) => all + one, 0);
    expect(bytes).toBeLessThan(MOST_BYTES);
    expect(looked.errors).toEqual([]);
  });
});
