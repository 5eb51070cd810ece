/** Load tests that operators start from the dashboard: as whom, how long, who sees them, and that they end. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoadtestOverview, LoadtestRun } from "../../src/inference/loadtest-report.ts";
import {
  CHROMIUM,
  type DashboardGateway,
  lookAt,
  type Person,
  startDashboardGateway,
  until,
} from "../support/dashboard/people.ts";
import { temporaryFolder } from "../support/identity/tenants-gateway.ts";

const STORY_MS = 240_000;
const LOADTESTS = "/v2/beamgate/loadtests";
const PRESET = "sonic-anomaly";

const reports = temporaryFolder();
let gateway: DashboardGateway;
beforeAll(async () => {
  const config = `dashboard: { loadtestFolder: ${reports.path}, loadtestsKept: 2 }`;
  gateway = await startDashboardGateway(config, ["l1_anomaly"]);
}, STORY_MS);
afterAll(async () => {
  await gateway?.stop();
  reports.remove();
}, STORY_MS);

const overview = (person: Person = "watcher") => gateway.json<LoadtestOverview>(LOADTESTS, person);
const post = (person: Person, body: object, path = "") =>
  gateway.asked(LOADTESTS + path, person, { method: "POST", body: JSON.stringify(body) });
const start = async (seconds: number) => {
  const answer = await post("operator", { preset: PRESET, seconds, key: gateway.key("infer") });
  const told = (await answer.json()) as LoadtestRun;
  expect(answer.status, JSON.stringify(told)).toBe(201);
  return told;
};
const over = () =>
  until(
    () => overview(),
    ({ running }) => running === undefined,
    STORY_MS,
  );

/** Load tests among the processes that this one started. */
function children(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        const parent = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
        const isOurs = parent === String(process.pid) && words.includes("loadtest/attended");
        return isOurs ? [Number(pid)] : [];
      } catch {
        return []; // gone meanwhile
      }
    });
}

describe("a load test", () => {
  it("is started by operators alone, as somebody who may infer", async () => {
    expect((await overview()).presets.map(({ name }) => name)).toContain(PRESET);
    const body = { preset: PRESET, key: gateway.key("infer") };
    expect((await post("watcher", body)).status).toBe(403);
    const refused = async (given: object) => {
      const answer = await post("operator", given);
      return [answer.status, ((await answer.json()) as { error: string }).error];
    };
    expect(await refused({ preset: PRESET })).toEqual([
      400,
      expect.stringContaining("needs the role infer"),
    ]);
    expect(await refused({ preset: PRESET, key: gateway.key("watcher") })).toEqual([
      400,
      expect.stringContaining("as whom the load would ask"),
    ]);
    expect((await refused({ ...body, key: "bgk_made_up" }))[0]).toBe(400);
    expect((await refused({ ...body, preset: "../../etc/passwd" }))[0]).toBe(404);
    expect((await refused({ ...body, seconds: 0 }))[0]).toBe(400);
    expect((await refused({ ...body, url: "elsewhere:8001" }))[0]).toBe(400);
    expect(children()).toEqual([]);
  });

  it(
    "runs alone, is seen live, and leaves a report and an entry in the audit",
    async () => {
      const run = await start(3);
      const second = await post("operator", { preset: PRESET, key: gateway.key("infer") });
      expect([second.status, await second.text()]).toEqual([
        409,
        expect.stringContaining("runs already"),
      ]);
      const [child] = children();
      const words = readFileSync(`/proc/${child}/cmdline`, "utf8");
      const environment = readFileSync(`/proc/${child}/environ`, "utf8");
      expect(words + environment).not.toContain(gateway.key("infer"));
      const live = await until(
        () => overview(),
        ({ running }) => (running?.looks.length ?? 0) > 0,
        STORY_MS,
      );
      expect(live.running).toMatchObject({ id: run.id, who: expect.stringContaining("operator") });
      const { finished } = await over();
      const [kept] = finished;
      expect(kept).toMatchObject({ id: run.id, preset: PRESET, models: ["l1_anomaly"] });
      // On a machine that does other things, too, the generator may be late: that is a report as well.
      expect(["ok", "invalid"]).toContain(kept?.verdict);
      expect(kept?.answeredPerSecond).toBeGreaterThan(0);

      const report = await gateway.asked(`${LOADTESTS}/${run.id}/report`, "watcher");
      const policy = report.headers.get("content-security-policy") ?? "";
      expect(policy).toMatch(/^sandbox allow-scripts; default-src 'none'/);
      expect(policy).not.toContain("allow-same-origin");
      const html = await report.text();
      expect(html).toContain("<title>");
      expect(html).not.toContain(gateway.key("infer"));
      const result = await gateway.json<{ readonly schema: string }>(
        `${LOADTESTS}/${run.id}/result`,
        "watcher",
      );
      expect(result.schema).toBe("beamgate-loadtest/1");
      const audit = JSON.stringify(await gateway.json("/v2/beamgate/tenancy/audit", "watcher"));
      expect(audit).toContain("start load test");
      expect(audit).not.toContain(gateway.key("infer"));
    },
    STORY_MS,
  );

  it("of models that somebody may not use is not his to see", async () => {
    const [kept] = (await overview()).finished;
    expect((await overview("stranger")).finished).toEqual([]);
    const path = `${LOADTESTS}/${kept?.id}/report`;
    expect((await gateway.asked(path, "stranger")).status).toBe(404);
    expect((await gateway.asked(`${LOADTESTS}/..%2f..%2fx/report`, "watcher")).status).toBe(404);
  });

  it(
    "is stopped before its time, with a report of what was measured",
    async () => {
      const run = await start(600);
      expect((await post("watcher", {}, `/${run.id}/stop`)).status).toBe(403);
      expect((await post("operator", {}, "/20260101T000000Z-w1/stop")).status).toBe(404);
      await until(
        () => overview(),
        ({ running }) => running?.looks.some(({ phase }) => phase === "measuring") === true,
        STORY_MS,
      );
      expect((await post("operator", {}, `/${run.id}/stop`)).status).toBe(202);
      const { finished } = await over();
      expect(finished[0]).toMatchObject({ id: run.id, stoppedBy: expect.any(String) });
      expect(finished[0]?.verdict).not.toBe("failed");
      expect(finished[0]?.bytes).toBeGreaterThan(0);
      expect(children()).toEqual([]);
    },
    STORY_MS,
  );

  it(
    "takes the place of the oldest, where enough are kept",
    async () => {
      const before = (await overview()).finished.map(({ id }) => id);
      expect(before).toHaveLength(2);
      const run = await start(1);
      const { finished } = await over();
      expect(finished.map(({ id }) => id)).toEqual([run.id, before[0]]);
      expect(readdirSync(reports.path).toSorted()).toEqual([run.id, before[0]].toSorted());
    },
    STORY_MS,
  );

  it.skipIf(CHROMIUM === undefined)(
    "is started in a browser, and its report can do nothing there but show itself",
    async () => {
      const { page, browser, errors } = await lookAt(gateway, "operator");
      try {
        await page.goto(`${gateway.base}/#/loadtests`);
        await page.click(`[aria-label="Start ${PRESET}"]`);
        await page.fill("input[name=seconds]", "2");
        await page.fill("main input[name=secret]", gateway.key("infer"));
        await page.click("main form button[type=submit]");
        await page.waitForSelector(`h2:has-text("Running: ${PRESET}")`);
        await page.waitForSelector(`h2:has-text("Running: ${PRESET}")`, {
          state: "detached",
          timeout: STORY_MS,
        });
        const opened = page.context().waitForEvent("page");
        await page.locator("td a", { hasText: "report" }).first().click();
        const report = await opened;
        await report.waitForSelector("h1");
        // Its own script ran, in an origin of its own: no cookies, nothing of the gateway.
        await report.waitForSelector(".uplot", { timeout: STORY_MS });
        expect(await report.evaluate("self.origin")).toBe("null");
        const asked = 'fetch("/v2/beamgate/who").then(() => "came through", () => "refused")';
        expect(await report.evaluate(asked)).toBe("refused");
        expect(errors).toEqual([]);
      } finally {
        await browser.close();
      }
    },
    STORY_MS,
  );

  it(
    "ends with its gateway, and what was kept is there again in the next one",
    async () => {
      const folder = temporaryFolder();
      try {
        const config = `dashboard: { loadtestFolder: ${folder.path} }`;
        const other = await startDashboardGateway(config, ["l1_anomaly"]);
        const body = JSON.stringify({ preset: PRESET, seconds: 600, key: other.key("infer") });
        await other.asked(LOADTESTS, "operator", { method: "POST", body });
        await until(
          () => other.json<LoadtestOverview>(LOADTESTS, "watcher"),
          ({ running }) => (running?.looks.length ?? 0) > 0,
          STORY_MS,
        );
        expect(children()).toHaveLength(1);
        await other.stop();
        expect(children()).toEqual([]);
        const [id = ""] = readdirSync(folder.path);
        expect(existsSync(join(folder.path, id, "run.json"))).toBe(true);
        const next = await startDashboardGateway(config, []);
        const { finished } = await next.json<LoadtestOverview>(LOADTESTS, "watcher");
        expect(finished).toMatchObject([{ id, verdict: "failed" }]);
        await next.stop();
      } finally {
        folder.remove();
      }
    },
    STORY_MS,
  );

  it(
    "is not for gateways that say so",
    async () => {
      const closed = await startDashboardGateway("dashboard: { loadtests: false }");
      const told = await closed.json<LoadtestOverview>(LOADTESTS, "watcher");
      expect(told).toMatchObject({ off: expect.stringContaining("switched off"), presets: [] });
      const body = JSON.stringify({ preset: PRESET, key: closed.key("infer") });
      const answer = await closed.asked(LOADTESTS, "operator", { method: "POST", body });
      expect(answer.status).toBe(400);
      await closed.stop();
    },
    STORY_MS,
  );
});
