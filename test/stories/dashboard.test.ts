/** The dashboard in a real browser, before a whole gateway with tenants that work. */
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Snapshot } from "../../src/inference/dashboard-report.ts";
import { packageRoot } from "../../src/package-root.ts";
import { newApiKey } from "../../src/tenants/api-keys.ts";
import { pictures } from "../support/dashboard/pictures.ts";
import {
  startTenantsGateway,
  type TenantsGateway,
  temporaryFolder,
} from "../support/identity/tenants-gateway.ts";

const STORY_MS = 120_000;
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync,
);
/** A folder may be called so, and a model is called like its folder. */
const HOSTILE = "<img src=x onerror=alert(1)>";

const folder = temporaryFolder();
const keys = new Map<string, string>();
const errors: string[] = [];
let served: TenantsGateway;
let browser: Browser | undefined;
let page: Page;

beforeAll(async () => {
  const rules = ["infer", "observe", "operate", "few"].map((role) => {
    const { key, line } = newApiKey();
    keys.set(role, key);
    writeFileSync(join(folder.path, `${role}.keys`), `${line} ${role}\n`);
    const roles = role === "operate" ? "observe, operate" : role === "few" ? "observe" : role;
    const tenant = role === "infer" ? "cms" : role === "few" ? "few" : "atlas";
    return `  - { key: ${role}, keyFile: ${role}.keys, tenant: ${tenant}, roles: [${roles}] }`;
  });
  const tenants =
    "tenants: { cms: { weight: 2, guarantee: 0.25 }, atlas: {}, few: { models: [other] } }";
  writeFileSync(
    join(folder.path, "tenants.yaml"),
    `${tenants}\nidentities:\n${rules.join("\n")}\n`,
  );
  const hostile = join(folder.path, "models", HOSTILE);
  cpSync(join(packageRoot, "models", "simple"), hostile, { recursive: true });
  served = await startTenantsGateway(
    folder.path,
    `tenancy: { folder: ${join(folder.path, "tenancy")} }`,
  );
  if (CHROMIUM === undefined) return;
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.on("pageerror", ({ message }) => errors.push(message));
  page.on("console", (said) => {
    // That nobody is known yet is told by a status, which the browser writes down.
    if (said.type() === "error" && !said.text().includes("401")) errors.push(said.text());
  });
  page.on("dialog", (dialog) => {
    errors.push(`a script of somebody else ran: ${dialog.message()}`);
    void dialog.dismiss();
  });
}, STORY_MS);
afterAll(async () => {
  await browser?.close();
  await served?.stop();
  folder.remove();
}, STORY_MS);

const base = () => `http://127.0.0.1:${served.httpPort}`;
const asked = (path: string, role: string, init: RequestInit = {}) =>
  fetch(base() + path, { ...init, headers: { "x-api-key": keys.get(role) ?? "" } });
const json = async <T>(path: string, role: string) => (await (await asked(path, role)).json()) as T;

async function infer(): Promise<void> {
  const tensor = (name: string) => ({
    name,
    datatype: "INT32",
    shape: [1, 16],
    data: Array(16).fill(1),
  });
  const body = JSON.stringify({ id: "event-1", inputs: [tensor("INPUT0"), tensor("INPUT1")] });
  const answer = await asked("/v2/models/simple/infer", "infer", { method: "POST", body });
  expect(answer.status, await answer.text()).toBe(200);
}

describe("figures", () => {
  it("are told to those who may observe, and by the id of their snapshot again", async () => {
    for (let count = 0; count < 5; count += 1) await infer();
    expect((await fetch(`${base()}/v2/beamgate/dashboard/snapshot`)).status).toBe(401);
    expect((await asked("/v2/beamgate/dashboard/snapshot", "infer")).status).toBe(403);
    const snapshot = await json<Snapshot>("/v2/beamgate/dashboard/snapshot", "observe");
    expect(snapshot.models.find(({ name }) => name === "simple")?.requests).toBe(5);
    expect(snapshot.tenants.map(({ name, guarantee }) => [name, guarantee])).toEqual([
      ["cms", 0.25],
      ["atlas", 0],
      ["few", 0],
    ]);
    expect(await json(`/v2/beamgate/dashboard/snapshot?id=${snapshot.id}`, "observe")).toEqual(
      snapshot,
    );
    expect((await asked("/v2/beamgate/dashboard/snapshot?id=4711", "observe")).status).toBe(404);
    const few = await json<Snapshot>("/v2/beamgate/dashboard/snapshot", "few");
    expect([few.models, few.total.rowsPerSecond >= 0]).toEqual([[], true]);
  });

  it("are changed by nobody's page but ours, whoever is logged in", async () => {
    const headers = { "x-api-key": keys.get("operate") ?? "", "sec-fetch-site": "cross-site" };
    const init = { method: "POST", body: '{"weight":9}', headers };
    const answer = await fetch(`${base()}/v2/beamgate/tenants/cms`, init);
    expect([answer.status, await answer.text()]).toEqual([
      403,
      expect.stringContaining("a page of another site"),
    ]);
  });

  it("come as a stream, and go on where one broke", async () => {
    const answer = await asked("/v2/beamgate/dashboard/events", "observe");
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    let text = "";
    const reader = answer.body?.getReader();
    while (text.split("\ndata: ").length < 3) {
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done) break;
      text += Buffer.from(value ?? []).toString();
    }
    await reader?.cancel();
    const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    expect(ids[1]).toBeGreaterThan(ids[0] ?? 0);
  });

  it("are on a page that runs nothing but its own scripts, and is small", async () => {
    const answer = await fetch(`${base()}/`);
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    const html = await answer.text();
    expect(html).not.toMatch(/<script(?![^>]*src=)|\son\w+=|style="/);
    const missing = await fetch(`${base()}/dashboard/..%2f..%2fpackage.json`);
    expect(missing.status).toBe(404);
    let bytes = html.length;
    for (const name of ["main.js", "style.css", "uplot.js", "uplot.css", "views/models.js"]) {
      const file = await fetch(`${base()}/dashboard/${name}`);
      expect(file.status, name).toBe(200);
      bytes += (await file.arrayBuffer()).byteLength;
    }
    expect(bytes).toBeLessThan(300_000);
  });
});

describe.skipIf(CHROMIUM === undefined)("in a browser", () => {
  it(
    "asks who is looking, and says why somebody may not",
    async () => {
      await page.goto(`${base()}/`);
      const login = async (key: string) => {
        await page.fill("input[name=secret]", key);
        await page.click("button[type=submit]");
      };
      await page.waitForSelector("form");
      await login("bgk_made_up");
      await page.waitForSelector(".notice.bad");
      await pictures(page, "login");
      expect(await page.textContent(".notice.bad")).toContain("none of this gateway");
      await login(keys.get("operate") ?? "");
      await page.waitForSelector(".tiles", { timeout: STORY_MS });
    },
    STORY_MS,
  );

  it(
    "shows in every view what the snapshot of the same id says",
    async () => {
      await infer();
      await page.goto(`${base()}/#/models`);
      await page.waitForSelector("table");
      await page.keyboard.press("f");
      const foot = (await page.textContent("#foot")) ?? "";
      const id = /snapshot (\d+)/.exec(foot)?.[1];
      const { models, tenants, devices } = await json<Snapshot>(
        `/v2/beamgate/dashboard/snapshot?id=${id}`,
        "observe",
      );
      const cells = async (row: string) => {
        const found = page.locator("tr", {
          has: page.locator("td", { hasText: new RegExp(`^${row}$`) }),
        });
        return found.first().locator("td").allTextContents();
      };
      const simple = models.find(({ name }) => name === "simple");
      const shown = await cells("simple");
      expect(shown).toContain(String(simple?.requests));
      expect(shown).toContain("READY");
      expect(await page.textContent("main")).toContain(HOSTILE);
      // By the tabs: what is frozen stays so.
      await page.click("#tabs a:has-text('Shares')");
      await page.waitForSelector("text=Tenants");
      expect(await cells("cms")).toContain(`${100 * (tenants[0]?.guarantee ?? 0)} %`);
      await page.click("#tabs a:has-text('Fleet')");
      await page.waitForSelector("text=Devices");
      expect(await page.textContent("#foot")).toContain(`snapshot ${id} · frozen`);
      for (const device of devices) expect(await page.textContent("main")).toContain(device.id);
      await page.keyboard.press("f");
    },
    STORY_MS,
  );

  it(
    "changes the terms of a tenant after a preview, and the audit tells who did",
    async () => {
      await page.goto(`${base()}/#/shares`);
      await page.click("text=Edit cms");
      await page.fill("dialog input >> nth=0", "3");
      await page.click("dialog >> text=Preview");
      await page.waitForSelector("dialog pre:has-text('weight: 2 → 3')");
      await pictures(page, "terms");
      const before = await json<{ tenants: { name: string; weight: number }[] }>(
        "/v2/beamgate/tenants",
        "observe",
      );
      expect(before.tenants.find(({ name }) => name === "cms")?.weight).toBe(2);
      await page.click("dialog >> text=Save");
      await page.waitForSelector("dialog", { state: "detached" });
      const after = await json<{ tenants: { name: string; weight: number }[] }>(
        "/v2/beamgate/tenants",
        "observe",
      );
      expect(after.tenants.find(({ name }) => name === "cms")?.weight).toBe(3);
      expect(JSON.stringify(await json("/v2/beamgate/tenancy/audit", "observe"))).toContain(
        "operate",
      );
      const row = page.locator("[aria-label=Audit] tr", { hasText: "cms: weight: 2 → 3" });
      await row.waitFor();
      expect(await row.textContent()).toContain("set tenant");
      await pictures(page, "shares after a change");
      const saved = page.waitForEvent("download");
      const audit = page.locator("section:has([aria-label=Audit])");
      await audit.locator("button", { hasText: "CSV" }).dispatchEvent("click");
      const file = readFileSync(await (await saved).path(), "utf8");
      expect(file).toMatch(
        /^When,Who,Did,What,Generation\r\n\d{4}-.*,key:operate,set tenant,cms: /,
      );
    },
    STORY_MS,
  );

  it(
    "explains a request by its id",
    async () => {
      await page.goto(`${base()}/#/requests?find=event-1`);
      await page.waitForSelector(".explained h2:has-text('Request event-1')");
    },
    STORY_MS,
  );

  it(
    "fits a telephone, in the dark and in the light, and nothing of it went wrong",
    async () => {
      await page.setViewportSize({ width: 390, height: 800 });
      for (const view of ["overview", "fleet", "models", "shares", "requests"]) {
        await page.goto(`${base()}/#/${view}`);
        await page.keyboard.press("t");
        await page.waitForSelector("main section");
        const wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        expect(wide, view).toBeLessThanOrEqual(0);
      }
      expect(errors).toEqual([]);
    },
    STORY_MS,
  );
});
