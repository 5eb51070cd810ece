/** Names that want to be more than names, in models, tensors, tenants and ids: the page shows them and runs none. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readTenantsFile } from "../../src/tenants/tenants-file.ts";
import {
  CHROMIUM,
  type DashboardGateway,
  openViewer,
  startDashboardGateway,
  type Viewer,
} from "../support/dashboard-gateway.ts";
import { temporaryFolder } from "../support/identity/tenants-gateway.ts";
import { NO_PROMTOOL, readsMetrics } from "../support/prometheus.ts";

const STORY_MS = 120_000;
/** Each may be a folder's, and a model is called like its folder. */
const MODELS = [
  "<img src=x onerror=alert(1)>",
  '"><script>alert(1)<script>',
  "javascript:alert(1)",
  "x\r\nforged 1",
  "\u001b[31mred\u001b[0m\u009b2J",
  "\u2028{{constructor}}\u202e",
  "L".repeat(200),
];
/** Of what is no folder. */
const LONG = "<b onmouseover=alert(1)>".padEnd(10 * 1024, "L");
const IDS = [...MODELS, LONG];

const folder = temporaryFolder();
let gateway: DashboardGateway;
let viewer: Viewer;

beforeAll(async () => {
  gateway = await startDashboardGateway(folder.path, MODELS);
  for (const id of IDS) {
    await gateway.infer("cms", { id });
    await gateway.infer("cms", { id, model: id });
    const input = { name: id, datatype: "INT32", shape: [1, 16], data: Array(16).fill(1) };
    const body = JSON.stringify({ id, inputs: [input] });
    const answer = await gateway.ask("/v2/models/simple/infer", "cms", { method: "POST", body });
    await answer.arrayBuffer();
  }
  if (CHROMIUM !== undefined) viewer = await openViewer(gateway, "registrar");
}, STORY_MS);
afterAll(async () => {
  await viewer?.close();
  await gateway?.stop();
  folder.remove();
}, STORY_MS);

/** Nothing that a name brought along: no element, and no script that ran. */
async function expectText(view: string): Promise<void> {
  const { page, errors } = viewer;
  const foreign = await page
    .locator("main img, main script, main b[onmouseover], dialog img")
    .count();
  expect([foreign, errors], view.slice(0, 80)).toEqual([0, []]);
  const wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
  expect(wide, view.slice(0, 80)).toBeLessThanOrEqual(0);
}

const at = (view: string, find: string) => `${view}?${new URLSearchParams({ find })}`;

describe.skipIf(CHROMIUM === undefined)("hostile names on the page", { timeout: STORY_MS }, () => {
  const views = ["overview", "fleet", "models", "shares", "requests", "loadtests", "register"];
  it.each(views)("are text in %s", async (view) => {
    await viewer.open(view);
    await expectText(view);
  });

  it.each(MODELS)("of a model are text where it is shown whole: %j", async (name) => {
    await viewer.open(at("models", name));
    await viewer.page.waitForSelector(".whole");
    const [shown, told] = [await viewer.page.textContent(".whole h2"), await gateway.snapshot()];
    expect(told.models.map((model) => model.name)).toContain(name);
    expect(shown).toBe(name);
    await expectText(name);
  });

  it.each(IDS)("of a request are text where it is explained: number %#", async (id) => {
    await viewer.open(at("requests", id));
    await viewer.page.waitForSelector("main .explained, main [role=status] > p");
    await expectText(id);
  });

  it("of a file and of what it says are text where it is to be registered", async () => {
    const { page } = viewer;
    await viewer.open("register");
    const [first = ""] = MODELS;
    const config = Buffer.from(`name: "${first}"\nmax_batch_size: 8\n`);
    await page.setInputFiles("input[type=file]", [
      { name: `${first}.onnx`, mimeType: "application/octet-stream", buffer: Buffer.from(LONG) },
      { name: "config.pbtxt", mimeType: "text/plain", buffer: config },
    ]);
    await expect.poll(() => page.inputValue("input[name=name]")).toBe(first);
    await page.click("text=Check (dry run)");
    await page.waitForSelector(".told > .notice.bad", { timeout: 60_000 });
    expect(await page.textContent(".told")).toContain(first);
    await expectText("register");
  });
});

describe("hostile names elsewhere", () => {
  it.each(IDS)("make no tenant: number %#", async (name) => {
    const file = join(folder.path, "hostile.yaml");
    writeFileSync(file, JSON.stringify({ tenants: { [name]: {} }, identities: [] }));
    await expect(readTenantsFile(file)).rejects.toThrow(/Invalid key in record/);
  });

  it("leave the log one JSON object a line", () => {
    const text = readFileSync(gateway.logFile, "utf8");
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    const lines = text.split("\n").slice(0, -1);
    for (const line of lines) expect(typeof JSON.parse(line)).toBe("object");
    // They were really told.
    expect(lines.some((line) => JSON.stringify(JSON.parse(line)).includes("forged"))).toBe(true);
  });

  it.skipIf(NO_PROMTOOL !== undefined)("are read by promtool from /metrics", async () => {
    const metrics = `http://127.0.0.1:${gateway.metricsPort}/metrics`;
    const headers = { "x-api-key": gateway.keyOf("observer"), accept: "text/plain" };
    const text = await (await fetch(metrics, { headers })).text();
    expect(text).toContain("onerror=alert(1)");
    const told = readsMetrics(text);
    expect(told.read, told.text.slice(0, 2000)).toBe(true);
  });
});
