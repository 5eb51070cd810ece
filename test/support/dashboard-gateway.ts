/** A whole gateway with a dashboard to look at: two experiments, an emulated U50, a PoCL board, the CPU, a registry. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { loadConfig } from "../../src/config/load.ts";
import { createGateway, type GatewayPorts } from "../../src/gateway.ts";
import type { Snapshot } from "../../src/inference/dashboard-report.ts";
import { packageRoot } from "../../src/package-root.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { newApiKey } from "../../src/tenants/api-keys.ts";
import { addSimpleOnBoards } from "./simple-on-boards.ts";

export const CHROMIUM = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find(existsSync);

/** Between two requests of a client: others use this machine, too. */
const PAUSE_MS = 20;

/** Who knocks, for whom, and what he may do. */
const CALLERS = {
  cms: ["cms", "infer"],
  atlas: ["atlas", "infer"],
  observer: ["atlas", "observe"],
  registrar: ["cms", "observe, register"],
} as const;
export type Who = keyof typeof CALLERS;

export interface DashboardGateway extends GatewayPorts {
  readonly url: string;
  readonly logFile: string;
  keyOf(who: Who): string;
  ask(path: string, who: Who, init?: RequestInit): Promise<Response>;
  json<T>(path: string, who: Who): Promise<T>;
  snapshot(id?: string): Promise<Snapshot>;
  /** One request to `simple`, or to another model with its tensors. */
  infer(who: Who, more?: { model?: string; id?: string; variant?: string }): Promise<number>;
  /** Both experiments send to every vendor's variant until it is ended. @returns ends it, and tells how many were answered and failed */
  load(): () => Promise<{ readonly answered: number; readonly failed: number }>;
  stop(): Promise<void>;
}

/** @param folder gets everything. @param hostile names of models beside `simple`: each may be a folder's */
export async function startDashboardGateway(
  folder: string,
  hostile: readonly string[] = [],
): Promise<DashboardGateway> {
  const models = join(folder, "models");
  mkdirSync(models, { recursive: true });
  addSimpleOnBoards(models);
  for (const name of hostile) {
    const to = join(models, name);
    cpSync(join(packageRoot, "models", "simple"), to, { recursive: true });
    const config = readFileSync(join(to, "config.pbtxt"), "utf8");
    // Without a name of its own it has that of its folder.
    writeFileSync(join(to, "config.pbtxt"), config.replace(/^name:.*$/m, ""));
  }
  const keys = writeTenants(folder);
  const logFile = join(folder, "server.log");
  const file = join(folder, "beamgate.json");
  const emulated = { emulated: { boards: 1 } };
  const settings = {
    backends: [
      { kind: "xilinx-u50", options: emulated },
      { kind: "intel-fpga", options: emulated },
    ],
    registry: { folder: join(folder, "registry"), goldenRows: 64 },
    tenancy: { folder: join(folder, "tenancy") },
    server: { site: "Counting room" },
  };
  writeFileSync(file, JSON.stringify(settings));
  const flags = new Map([
    ["model-repository", [models]],
    ["grpc-port", ["0"]],
    ["http-port", ["0"]],
    ["metrics-port", ["0"]],
    ["tenants-file", [join(folder, "tenants.yaml")]],
    ["log-format", ["json"]],
    ["log-file", [logFile]],
    ["exit-timeout-secs", ["5"]],
  ]);
  const { config } = loadConfig({ flags, env: {}, file });
  const log = createLog(config.log);
  const gateway = await createGateway(config, log);
  const ports = await gateway.start();
  const url = `http://127.0.0.1:${ports.httpPort}`;
  const keyOf = (who: Who) => keys.get(who) ?? "";
  const ask: DashboardGateway["ask"] = (path, who, init = {}) =>
    fetch(url + path, { ...init, headers: { ...init.headers, "x-api-key": keyOf(who) } });
  const json: DashboardGateway["json"] = async (path, who) => {
    const answer = await ask(path, who);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as never;
  };
  const infer: DashboardGateway["infer"] = async (who, more = {}) => {
    const { model = "simple", id = "", variant } = more;
    const data = Array(16).fill(1);
    const tensor = (name: string) => ({ name, datatype: "INT32", shape: [1, 16], data });
    const parameters = variant === undefined ? {} : { beamgate_variant: variant };
    const inputs = [tensor("INPUT0"), tensor("INPUT1")];
    const body = JSON.stringify({ id, parameters, inputs });
    const path = `/v2/models/${encodeURIComponent(model)}/infer`;
    const answer = await ask(path, who, { method: "POST", body });
    await answer.arrayBuffer();
    return answer.status;
  };
  return {
    ...{ ...ports, url, logFile, keyOf, ask, json, infer },
    snapshot: (id) =>
      json(`/v2/beamgate/dashboard/snapshot${id === undefined ? "" : `?id=${id}`}`, "observer"),
    load: () => {
      let on = true;
      const counts = { answered: 0, failed: 0 };
      const client = async (who: Who, variant: string) => {
        while (on) {
          if ((await infer(who, { variant })) === 200) counts.answered += 1;
          else counts.failed += 1;
          await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        }
      };
      const clients = (["cms", "atlas"] as const).flatMap((who) =>
        ["u50", "intel", "arm-cpu"].map((variant) => client(who, variant)),
      );
      return async () => {
        on = false;
        await Promise.all(clients);
        return counts;
      };
    },
    async stop() {
      await gateway.stop();
      await log.flushed();
    },
  };
}

function writeTenants(folder: string): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  const rules = Object.entries(CALLERS).map(([who, [tenant, roles]]) => {
    const { key, line } = newApiKey();
    keys.set(who, key);
    writeFileSync(join(folder, `${who}.keys`), `${line} ${who}\n`);
    return `  - { key: ${who}, keyFile: ${who}.keys, tenant: ${tenant}, roles: [${roles}] }`;
  });
  const tenants = "tenants: { cms: { weight: 2, guarantee: 0.25 }, atlas: {} }";
  writeFileSync(join(folder, "tenants.yaml"), `${tenants}\nidentities:\n${rules.join("\n")}\n`);
  return keys;
}

export interface Viewer {
  readonly page: Page;
  /** What went wrong in the page, and scripts of others that ran. */
  readonly errors: readonly string[];
  /** Shows a view, whole. */
  open(view: string): Promise<void>;
  close(): Promise<void>;
}

/** Somebody who is logged in and looks. @throws where this machine has no browser: ask `CHROMIUM` before */
export async function openViewer(gateway: DashboardGateway, who: Who): Promise<Viewer> {
  if (CHROMIUM === undefined) throw new Error("there is no chromium here");
  const browser: Browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox"],
  });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const errors: string[] = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  page.on("console", (said) => {
    // What the gateway refuses it tells by a status, which the browser writes down.
    const refused = /responded with a status of 4\d\d/.test(said.text());
    if (said.type() === "error" && !refused) errors.push(said.text());
  });
  page.on("dialog", (dialog) => {
    errors.push(`a script of somebody else ran: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(gateway.url);
  await page.waitForSelector("form");
  await page.fill("input[name=secret]", gateway.keyOf(who));
  await page.click("button[type=submit]");
  await page.waitForSelector(".tiles");
  return {
    page,
    errors,
    async open(view) {
      await page.goto(`${gateway.url}/#/${view}`);
      const name = view.replace(/\?.*/s, "");
      await page.waitForSelector(`main[data-view="${name}"] > *`, { state: "attached" });
    },
    close: () => browser.close(),
  };
}

/** Cells of the row of a table whose cells contain all these texts, by column. */
export async function rowOf(
  page: Page,
  title: string,
  ...texts: readonly string[]
): Promise<Readonly<Record<string, string>>> {
  // A text: this house sees no browser's types.
  const found = (await page.evaluate(`(() => {
    const wanted = ${JSON.stringify(title)};
    const texts = ${JSON.stringify(texts)};
    const regions = [...document.querySelectorAll("[role=region]")];
    const region = regions.find((each) => each.getAttribute("aria-label") === wanted);
    if (region === undefined) return undefined;
    const titles = [...region.querySelectorAll("th")].map((th) => th.textContent.replace(/ [↑↓]$/, ""));
    for (const row of region.querySelectorAll("tbody tr")) {
      const cells = [...row.querySelectorAll("td")].map((td) => td.textContent);
      if (!texts.every((text) => cells.includes(text))) continue;
      return Object.fromEntries(titles.map((name, at) => [name, cells[at]]));
    }
  })()`)) as Record<string, string> | undefined;
  if (found === undefined) throw new Error(`table '${title}' has no row with ${texts.join(", ")}`);
  return found;
}
