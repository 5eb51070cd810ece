/** The dashboard's models, registration and fleet in a real browser, on boards and the CPU, under the load of two experiments. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Snapshot } from "../../src/inference/dashboard-report.ts";
import { packageRoot } from "../../src/package-root.ts";
import type { AuditEntry, CatalogModel } from "../../src/registry/catalog/types.ts";
import { pictures } from "../support/dashboard/pictures.ts";
import {
  CHROMIUM,
  type DashboardGateway,
  openViewer,
  rowOf,
  startDashboardGateway,
  type Viewer,
} from "../support/dashboard-gateway.ts";
import { temporaryFolder } from "../support/identity/tenants-gateway.ts";

const STORY_MS = 300_000;
/** With a machine that does other things, too. */
const PATIENCE_MS = 60_000;
const patiently = { timeout: PATIENCE_MS };
const JET = join(packageRoot, "models", "jet_tagger");

const folder = temporaryFolder();
let gateway: DashboardGateway;
let endLoad: ReturnType<DashboardGateway["load"]>;
let viewer: Viewer;

beforeAll(async () => {
  gateway = await startDashboardGateway(folder.path);
  endLoad = gateway.load();
  if (CHROMIUM !== undefined) viewer = await openViewer(gateway, "registrar");
}, STORY_MS);
afterAll(async () => {
  await viewer?.close();
  await endLoad?.();
  await gateway?.stop();
  folder.remove();
}, STORY_MS);

/** What the page shows just now, and the snapshot with the id that it shows: one that is as it should be. */
async function frozen(
  view: string,
  isMeant: (snapshot: Snapshot) => boolean = () => true,
): Promise<Snapshot> {
  await viewer.open(view);
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    await viewer.page.waitForSelector("#foot:has-text('rates over')");
    await viewer.page.keyboard.press("f");
    const foot = (await viewer.page.textContent("#foot")) ?? "";
    expect(foot).toContain("frozen");
    const snapshot = await gateway.snapshot(/snapshot (\d+)/.exec(foot)?.[1]);
    if (isMeant(snapshot)) return snapshot;
    expect(performance.now(), JSON.stringify(snapshot)).toBeLessThan(deadline);
    await thaw();
    await viewer.page.waitForTimeout(500);
  }
}
const thaw = () => viewer.page.keyboard.press("f");

/** As the page writes them. */
function number(value: number): string {
  const digits = (part: number) => String(Number(part.toPrecision(3)));
  if (Number.isInteger(value) && value < 1e4) return String(value);
  if (value >= 1e6) return `${digits(value / 1e6)} M`;
  return value >= 1e4 ? `${digits(value / 1e3)} k` : digits(value);
}
function ms(value = Number.NaN): string {
  if (value >= 1_000) return `${number(value / 1_000)} s`;
  return value < 1 ? `${number(value * 1_000)} µs` : `${number(value)} ms`;
}

const record = async (name: string) =>
  gateway.json<{ generation: number; model: CatalogModel }>(
    `/v2/beamgate/registry/models/${name}`,
    "observer",
  );
const audit = () => gateway.json<AuditEntry[]>("/v2/beamgate/registry/audit", "observer");

/** A button in what is drawn anew twice a second: on a busy machine a mouse comes too late. */
const press = (button: string) => viewer.page.dispatchEvent(button, "click");

/** The jet tagger's files for one vendor. */
function filesOf(vendor: "cpu" | "xilinx"): string[] {
  const beside = [join(JET, "config.pbtxt"), join(JET, "labels.txt")];
  if (vendor === "cpu") {
    return [join(JET, "1", "model.onnx"), join(JET, "golden-inputs.npz"), ...beside];
  }
  const from = join(JET, "1", "u50");
  return [join(from, "jet_tagger.xclbin"), join(from, "manifest.json"), ...beside];
}

async function fill(files: readonly string[], version: string): Promise<void> {
  const { page } = viewer;
  await viewer.open("register");
  const left = page.locator(".files button");
  while ((await left.count()) > 0) await left.first().click();
  await page.setInputFiles("input[type=file]", [...files]);
  await expect.poll(() => page.locator(".files li").count(), patiently).toBe(files.length);
  await expect.poll(() => page.inputValue("input[name=name]"), patiently).toBe("jet_tagger");
  await page.fill("input[name=version]", version);
}

async function check(): Promise<string> {
  await viewer.page.click("text=Check (dry run)");
  await viewer.page.waitForSelector(".told > .notice", { timeout: STORY_MS });
  return (await viewer.page.textContent(".told > .notice")) ?? "";
}

async function register(): Promise<string> {
  await viewer.page.click(".register button.act");
  await viewer.page.waitForSelector(".told pre, .told > .notice.bad", { timeout: STORY_MS });
  return (await viewer.page.textContent(".told > .notice")) ?? "";
}

async function inDialog(confirm: string, before: () => Promise<unknown> = async () => {}) {
  const { page } = viewer;
  await page.click("dialog >> text=Preview");
  await page.waitForSelector("dialog button.act:enabled");
  const preview = (await page.textContent("dialog pre")) ?? "";
  await pictures(page, confirm);
  await before();
  await page.click(`dialog >> button.act:has-text("${confirm}")`);
  await page.waitForSelector("dialog pre.notice", { timeout: 30_000 });
  const told = (await page.textContent("dialog pre.notice")) ?? "";
  await page.click("dialog .row button:last-child");
  await page.waitForSelector("dialog", { state: "detached" });
  return { preview, told };
}

describe.skipIf(CHROMIUM === undefined)("the models", { timeout: STORY_MS }, () => {
  it("show the figures of the snapshot that the page names, by version, variant, batch size and device", async () => {
    // What is busy now may have answered nothing in the seconds of the snapshot that is frozen.
    const allAnswer = ({ variants }: Snapshot) =>
      variants.filter(({ requestsPerSecond = 0 }) => requestsPerSecond > 0).length === 3;
    const { models, variants, registryGeneration } = await frozen("models?find=simple", allAnswer);
    const { page } = viewer;
    const simple = models.find(({ name }) => name === "simple");
    if (simple === undefined) throw new Error("the snapshot has no 'simple'");
    expect(await rowOf(page, "Models", "simple")).toMatchObject({
      Version: "1",
      State: "READY",
      "Requests/s": number(simple.requestsPerSecond),
      "Rows/s": number(simple.rowsPerSecond),
      "Failures/s": number(simple.failuresPerSecond),
      p50: ms(simple.p50Ms),
      p99: ms(simple.p99Ms),
      "p99.9": ms(simple.p999Ms),
      Queue: ms(simple.queueMs),
      Compute: ms(simple.computeMs),
      Waiting: number(simple.waiting),
      Requests: number(simple.requests),
    });
    expect(simple.requests).toBeGreaterThan(0);
    expect(registryGeneration).toBe(0);
    for (const name of ["u50", "intel", "arm-cpu"]) {
      const own = variants.find(({ variant }) => variant === name);
      const row = await rowOf(page, "Artifacts", name);
      expect(row["Requests/s"], name).toBe(number(own?.requestsPerSecond ?? -1));
      expect(own?.requestsPerSecond, name).toBeGreaterThan(0);
      expect(row["Serves on"]).toContain(own?.devices.join(", ") ?? "nothing");
      expect((row["Serves on"] ?? "").includes("emulated")).toBe(name !== "arm-cpu");
    }
    for (const { device, requests, p99Ms } of simple.devices) {
      const row = await rowOf(page, "Computed by", device);
      expect([row["Requests"], row["p99"]]).toEqual([
        number(requests),
        p99Ms === undefined ? "–" : ms(p99Ms),
      ]);
    }
    for (const { share } of simple.batches ?? []) {
      await rowOf(page, "Batch sizes", ` ${number(100 * share)} %`);
    }
    await thaw();
  });
});

describe.skipIf(CHROMIUM === undefined)("registration by the page", { timeout: STORY_MS }, () => {
  it("tries first, shows every check, sends the file, and shows the gate's verdict", async () => {
    await fill(filesOf("cpu"), "1");
    expect(await check()).toMatch(/^It would be taken to the gate\. Checks: \d+ passed, 0 failed/);
    // Nothing is there yet.
    expect((await gateway.ask("/v2/beamgate/registry/models/jet_tagger", "observer")).status).toBe(
      404,
    );
    expect(await register()).toContain("ready, gate passed");
    await pictures(viewer.page, "registered");
    const names = await viewer.page.locator(".checks b").allTextContents();
    expect(names).toEqual(expect.arrayContaining(["container", "config", "numeric-equivalence"]));
    const { model } = await record("jet_tagger");
    expect(model.versions["1"]?.artifacts).toMatchObject([
      { vendor: "cpu", state: "ready", registeredBy: "key:registrar" },
    ]);
    expect(await viewer.page.textContent(".told pre")).toContain("key:registrar  publish");
  });

  it("adds another vendor's artifact, proven on its emulated board", async () => {
    await fill(filesOf("xilinx"), "1");
    expect(await viewer.page.inputValue("select[name=vendor]")).toBe("xilinx");
    await viewer.page.selectOption("select[name=class]", "abs-rel");
    await viewer.page.fill("input[name=class-numbers]", "0.02");
    expect(await check()).toContain("0 failed");
    expect(await register()).toMatch(/xilinx for xilinx_u50.*gate passed.*\(emulated\)/);
    await viewer.open("models?find=jet_tagger");
    const { model } = await record("jet_tagger");
    const verdict = model.versions["1"]?.artifacts.find(
      ({ vendor }) => vendor === "xilinx",
    )?.verdictSummary;
    await viewer.page.waitForSelector("[aria-label=Artifacts] >> text=(emulated)");
    const row = await rowOf(viewer.page, "Artifacts", "xilinx", "ready");
    expect(row["Gate"]).toBe(
      `passed: error ${number(verdict?.worst ?? -1)} ${verdict?.unit}, ${verdict?.rows} rows on ${verdict?.device} (emulated)`,
    );
    await press('[aria-label=Artifacts] tr:has-text("(emulated)") button.plain');
    const told = async () => {
      await viewer.page.waitForSelector('dialog:has-text("Errors by output")');
      return viewer.page.textContent("dialog");
    };
    expect(await told()).toMatch(/abs-rel: abs 0\.02.*signed with/s);
    await pictures(viewer.page, "verdict");
    // It has an address: who is sent it sees the same.
    const open = await viewer.page.evaluate("location.hash");
    await viewer.page.reload();
    expect(await told()).toMatch(/abs-rel: abs 0\.02.*signed with/s);
    await viewer.page.click("dialog >> text=Close");
    await viewer.page.waitForSelector("dialog", { state: "detached" });
    expect(open).toMatch(/^#\/models\?find=jet_tagger&verdict=sha256/);
    expect(await viewer.page.evaluate("location.hash")).toBe("#/models?find=jet_tagger");
  });

  it("says of a wrong file what is wrong and what to do, and offers no registration", async () => {
    const wrong = join(folder.path, "jet_tagger.xclbin");
    writeFileSync(wrong, readFileSync(join(JET, "1", "model.onnx")));
    const [, ...beside] = filesOf("xilinx");
    await fill([wrong, ...beside], "3");
    expect(await check()).toMatch(/^It would be refused\./);
    await pictures(viewer.page, "refused");
    expect(await viewer.page.locator(".checks .failed").count()).toBeGreaterThan(0);
    expect((await viewer.page.textContent(".checks .failed .remedy"))?.length).toBeGreaterThan(10);
    expect(await viewer.page.isDisabled(".register button.act")).toBe(true);
  });

  it("goes on with an upload that broke, from where it broke", async () => {
    // 10 MB of labels beside the model: three pieces.
    const large = join(folder.path, "notes.txt");
    writeFileSync(large, Buffer.alloc(10_000_000, "n"));
    const sent: string[] = [];
    let broken = false;
    await viewer.page.route("**/v2/beamgate/uploads/**", async (route, request) => {
      if (request.method() !== "PATCH") return route.continue();
      const offset = request.headers()["upload-offset"] ?? "";
      if (offset !== "0" && !broken) {
        broken = true;
        return route.abort();
      }
      sent.push(offset);
      return route.continue();
    });
    await fill([...filesOf("cpu"), large], "2");
    expect(await check()).toContain("0 failed");
    await viewer.page.unroute("**/v2/beamgate/uploads/**");
    // The browser writes down that a request failed; nothing else went wrong.
    expect(viewer.errors.every((error) => error.includes("ERR_FAILED"))).toBe(true);
    expect([broken, sent]).toEqual([true, ["0", String(4 * 2 ** 20), String(8 * 2 ** 20)]]);
    expect(await register()).toContain("ready, gate passed");
    expect(Object.keys((await record("jet_tagger")).model.versions)).toEqual(["1", "2"]);
  });
});

describe.skipIf(CHROMIUM === undefined)("changes by the page", { timeout: STORY_MS }, () => {
  const production = async () => (await record("jet_tagger")).model.aliases["production"]?.version;
  const openJets = async () => {
    await viewer.open("models?find=jet_tagger");
    await viewer.page.waitForSelector("text=Promote…");
  };

  it("promote a version after a preview, and the audit says who", async () => {
    expect(await production()).toBe("1");
    await openJets();
    await press("text=Promote…");
    const { preview, told } = await inDialog("Promote", async () => {
      expect(await production(), "before it is confirmed").toBe("1");
    });
    expect(preview).toMatch(
      /^production: version 1 → version 2\n.*cpu for any: ready, gate passed/s,
    );
    expect(told).toMatch(/^Done\..*key:registrar {2}promote/s);
    expect(await production()).toBe("2");
    expect((await audit())[0]).toMatchObject({ who: "key:registrar", action: "promote" });
  });

  it("roll it back", async () => {
    await openJets();
    await press('button:enabled:has-text("Roll back…")');
    const { preview, told } = await inDialog("Roll back");
    expect(preview).toMatch(/^production: version 2 → version 1\nas it was until .* key:registrar/);
    expect(told).toContain("key:registrar  rollback");
    expect(await production()).toBe("1");
    expect((await audit())[0]).toMatchObject({ who: "key:registrar", action: "rollback" });
  });

  it("are refused where somebody else was faster, with both generations", async () => {
    await openJets();
    await press("text=Promote…");
    const { generation } = await record("jet_tagger");
    const faster = { method: "POST", body: '{"alias":"candidate","version":"2","weight":0.25}' };
    const { told } = await inDialog("Promote", async () => {
      const answer = await gateway.ask(
        "/v2/beamgate/registry/models/jet_tagger/promote",
        "registrar",
        faster,
      );
      expect(answer.status).toBe(200);
    });
    expect(told).toMatch(/^Nothing was changed: .*\(ABORTED\)/);
    expect(told).toContain(`You saw generation ${generation}; now it is ${generation + 1}`);
    expect(await production()).toBe("1");
    // What the other one did is seen by itself.
    await viewer.page.waitForSelector("[aria-label=Aliases] >> text=candidate");
    const row = await rowOf(viewer.page, "Aliases", "candidate");
    expect([row["Is"], row["Share of requests"]]).toEqual(["canary", " 25 %"]);
    await pictures(viewer.page, "model");
    await viewer.open("models");
    await viewer.page.waitForSelector("[aria-label=Registry]");
    await pictures(viewer.page, "registry");
  });

  it("are told in a table, which can be taken along", async () => {
    await openJets();
    const audited = viewer.page.locator("section:has([aria-label=Audit])");
    await audited.locator("td", { hasText: "rollback" }).first().waitFor();
    const entries = (await audit()).filter(({ model }) => model === "jet_tagger");
    const rows = () => audited.locator("tbody tr").count();
    await expect.poll(rows, patiently).toBe(entries.length);
    const row = await rowOf(viewer.page, "Audit", "key:registrar", "rollback");
    expect(row["When"]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
    const saved = viewer.page.waitForEvent("download");
    await audited.locator("button", { hasText: "CSV" }).dispatchEvent("click");
    const file = readFileSync(await (await saved).path(), "utf8");
    const [head, ...lines] = file.trimEnd().split("\r\n");
    expect(head).toBe("When,Who,Did,What,Generation");
    expect(lines).toHaveLength(entries.length);
    expect(lines.some((line) => line.includes("key:registrar,rollback,"))).toBe(true);
  });

  it("begin from what the registry says now, however old is what the page shows", async () => {
    const { page } = viewer;
    await openJets();
    await page.keyboard.press("f");
    await page.waitForSelector("#frozen button");
    const aliases = "/v2/beamgate/registry/models/jet_tagger";
    const made = { method: "POST", body: '{"alias":"later","version":"1"}' };
    expect((await gateway.ask(`${aliases}/promote`, "registrar", made)).status).toBe(200);
    await press("text=Promote…");
    await page.waitForSelector("dialog option[value=later]", { state: "attached" });
    expect(await page.locator("[aria-label=Aliases] >> text=later").count()).toBe(0);
    await page.click("dialog >> text=Cancel");
    const gone = { method: "DELETE", body: "{}" };
    expect((await gateway.ask(`${aliases}/aliases/later`, "registrar", gone)).status).toBe(200);
    await page.keyboard.press("f");
    await page.waitForSelector("#frozen", { state: "hidden" });
  });

  it("are offered for what is registered and serves nowhere here", async () => {
    const { page } = viewer;
    const name = "kept_elsewhere";
    const { generation, model } = await record("jet_tagger");
    const registry = "**/v2/beamgate/registry";
    await page.route(registry, async (route) => {
      const answer = await route.fetch();
      const told = (await answer.json()) as { artifacts: readonly object[] };
      const artifacts = [...told.artifacts, { ...told.artifacts[0], name }];
      return route.fulfill({ response: answer, json: { ...told, artifacts } });
    });
    await page.route(`${registry}/models/${name}`, (route) =>
      route.fulfill({ json: { generation, model: { ...model, name } } }),
    );
    await viewer.open(`models?find=${name}`);
    await page.reload();
    await page.waitForSelector(`.whole h2:has-text("${name}")`);
    await page.waitForSelector("[aria-label=Aliases] >> text=production");
    await page.unroute(`${registry}/models/${name}`);
    await page.unroute(registry);
  });

  it("pin an artifact, so that it cannot be retired, unpin and retire it", async () => {
    await openJets();
    const { page } = viewer;
    await press("[aria-label='Pin or unpin xilinx 1']:enabled");
    // Nobody said why: nothing is told of that.
    expect((await inDialog("Pin")).told).toMatch(/key:registrar {2}pin \(version 1, vendor xilinx/);
    await page.waitForSelector("[aria-label=Artifacts] >> text=by key:registrar");
    await press("[aria-label='Retire xilinx 1']:enabled");
    const refused = await inDialog("Retire");
    expect(refused.preview).toContain("It is pinned by key:registrar: unpin it first.");
    expect(refused.told).toMatch(/pinned/);
    await press("[aria-label='Pin or unpin xilinx 1']:enabled");
    expect((await inDialog("Unpin")).told).toContain("Done.");
    await press("[aria-label='Retire xilinx 1']:enabled");
    expect((await inDialog("Retire")).told).toContain("key:registrar  retire");
    const states = (await record("jet_tagger")).model.versions["1"]?.artifacts.map(
      ({ vendor, state }) => `${vendor} ${state}`,
    );
    expect(states?.toSorted()).toEqual(["cpu ready", "xilinx retired"]);
  });

  it("are offered to nobody who may not make them", async () => {
    const observer = await openViewer(gateway, "observer");
    try {
      await observer.open("models?find=jet_tagger");
      await observer.page.waitForSelector("text=Changes need the role register.");
      expect(await observer.page.locator("text=Promote…").count()).toBe(0);
      expect(await observer.page.locator("text=Retire…").count()).toBe(0);
      await observer.open("register");
      expect(await observer.page.textContent("main")).toContain("needs the role register");
      expect(observer.errors).toEqual([]);
    } finally {
      await observer.close();
    }
  });
});

describe.skipIf(CHROMIUM === undefined)("questions for Prometheus", { timeout: STORY_MS }, () => {
  it("name what this gateway tells it, wherever the page offers one", async () => {
    const { page } = viewer;
    const metrics = `http://127.0.0.1:${gateway.metricsPort}/metrics`;
    const headers = { "x-api-key": gateway.keyOf("observer"), accept: "text/plain" };
    const text = await (await fetch(metrics, { headers })).text();
    const families = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    // Of the rules that Prometheus has.
    families.add("ALERTS");
    const asked = new Map<string, string>();
    for (const view of ["overview", "fleet", "models", "models?find=jet_tagger", "shares"]) {
      await viewer.open(view);
      if (view.includes("jet")) await page.waitForSelector("[aria-label=Audit]");
      if (view === "models") await page.waitForSelector("[aria-label=Registry]");
      // A text: this house sees no browser's types.
      const found = (await page.evaluate(
        "[...document.querySelectorAll('section')].map((section) => " +
          "[section.querySelector('h2')?.textContent, [...section.querySelectorAll('.more button')].find(({ textContent }) => textContent === 'Copy PromQL')?.title])",
      )) as [string | null, string | undefined][];
      for (const [title, promql] of found) asked.set(title ?? "", promql ?? "");
    }
    // Nothing that is told to Prometheus says who did what.
    expect(asked.get("Audit")).toBe("");
    expect(asked.get("Registry")).toBe("beamgate_alias_share");
    expect(asked.get("Artifacts")).toContain('beamgate_usage_requests_total{model="jet_tagger"}');
    const unknown = [...asked].filter(([, promql]) => {
      const names = promql.match(/\b(?:nv_|beamgate_|ALERTS)\w*/g) ?? [];
      return names.some(
        (name) => !families.has(name.replace(/_(?:bucket|count|sum)$/, "")) && !families.has(name),
      );
    });
    expect(unknown).toEqual([]);
    expect([...asked.values()].filter((promql) => promql !== "").length).toBeGreaterThan(8);
  });

  it("tell of an artifact's requests by the variant that the page shows", async () => {
    const headers = { "x-api-key": gateway.keyOf("observer"), accept: "text/plain" };
    const metrics = `http://127.0.0.1:${gateway.metricsPort}/metrics`;
    const text = await (await fetch(metrics, { headers })).text();
    const { variants } = await gateway.snapshot();
    for (const { variant } of variants.filter(({ model }) => model === "simple"))
      expect(text).toMatch(
        new RegExp(`^beamgate_usage_requests_total\\{.*model="simple".*variant="${variant}"`, "m"),
      );
  });
});

describe.skipIf(CHROMIUM === undefined)("the fleet", { timeout: STORY_MS }, () => {
  it("shows every device by site and vendor, with the figures of the snapshot", async () => {
    const { devices, workers, site } = await frozen("fleet");
    const { page } = viewer;
    await pictures(page, "fleet of several");
    expect(await page.textContent(".site h2")).toBe(site);
    for (const { id, vendor, emulated, model, busy } of devices) {
      const card = page.locator(`article[aria-label="${id}"]`);
      const text = (await card.textContent()) ?? "";
      expect(text).toContain(emulated ? "emulated" : "real");
      expect(text).toContain(model ?? "holds nothing");
      if (busy !== undefined) expect(text).toContain(`${number(100 * busy)} %`);
      const group = page.locator(".vendor", { has: card });
      expect(await group.locator("h3").textContent()).toMatch(new RegExp(`^${vendor} `));
    }
    for (const { pid } of workers) await rowOf(page, "Workers", String(pid));
    await thaw();
  });

  it("shows within 2 s that a worker was killed, and clients never learn of it", async () => {
    const { page } = viewer;
    await viewer.open("fleet");
    const worker = async () => {
      const { workers } = await gateway.snapshot();
      return workers.find(({ device }) => device === "u50-emulated-0");
    };
    // Its board may just be given another artifact.
    await expect.poll(async () => (await worker())?.state, patiently).toBe("ready");
    // A machine that is busy with other things is given some chances.
    let shownMs = Number.POSITIVE_INFINITY;
    for (let chance = 0; chance < 8 && shownMs > 2_000; chance += 1) {
      const { pid = 0 } = (await worker()) ?? {};
      expect(pid).toBeGreaterThan(0);
      const seen = page.waitForSelector(`main:has-text("worker ${pid} was killed by SIGKILL")`);
      const killedAt = performance.now();
      process.kill(pid, "SIGKILL");
      await seen;
      shownMs = performance.now() - killedAt;
      // Another process, ready.
      const follows = async () => {
        const now = await worker();
        return now?.state === "ready" && now.pid !== pid;
      };
      await expect.poll(follows, patiently).toBe(true);
    }
    expect(shownMs).toBeLessThan(2_000);
    await page.waitForSelector("#status.warn, #status.bad");
    await viewer.open("overview");
    await page.waitForSelector("text=worker of u50-emulated-0");
    await pictures(page, "after a death");
    const failures = (await gateway.snapshot()).models.find(
      ({ name }) => name === "simple",
    )?.failures;
    expect(Object.values(failures ?? {}).filter((count) => count > 0)).toEqual([]);
  });
});

describe.skipIf(CHROMIUM === undefined)("the whole page", { timeout: STORY_MS }, () => {
  it("fits a telephone in both themes, and nothing of it went wrong", async () => {
    await viewer.page.setViewportSize({ width: 390, height: 800 });
    for (const view of ["fleet", "models", "models?find=jet_tagger", "register"]) {
      for (const theme of ["one", "the other"]) {
        await viewer.open(view);
        await viewer.page.keyboard.press("t");
        const wide = await viewer.page.evaluate(
          "document.documentElement.scrollWidth - innerWidth",
        );
        expect(wide, `${view}, ${theme}`).toBeLessThanOrEqual(0);
      }
    }
    expect(viewer.errors.filter((error) => !error.includes("ERR_FAILED"))).toEqual([]);
  });

  it("takes at most 300 kB, all of it from this gateway", async () => {
    const { page } = viewer;
    const got: { url: string; bytes: number }[] = [];
    page.on("response", async (response) => {
      if (/\/(dashboard\/.*)?$/.test(new URL(response.url()).pathname))
        got.push({
          url: response.url(),
          bytes: (await response.body().catch(() => Buffer.alloc(0))).length,
        });
    });
    await page.reload({ waitUntil: "load" });
    await page.waitForSelector("main > *");
    // All that it names, not what came first.
    const named =
      "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/dashboard/')).map(({ name }) => name)";
    const isWhole = async () => {
      const names = (await page.evaluate(named)) as string[];
      return names.length > 20 && names.every((name) => got.some(({ url }) => url === name));
    };
    await expect.poll(isWhole, patiently).toBe(true);
    expect(got.every(({ url }) => url.startsWith(gateway.url))).toBe(true);
    expect(got.reduce((all, { bytes }) => all + bytes, 0)).toBeLessThan(300_000);
  });
});
