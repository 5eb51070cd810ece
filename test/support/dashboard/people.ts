/** A gateway with two experiments and people of several roles, and a browser that looks at its dashboard. */
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { packageRoot } from "../../../src/package-root.ts";
import { newApiKey } from "../../../src/tenants/api-keys.ts";
import {
  startTenantsGateway,
  type TenantsGateway,
  temporaryFolder,
} from "../identity/tenants-gateway.ts";

export const CHROMIUM = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find(existsSync);

/** Tenant and roles of each. */
const PEOPLE = {
  /** Runs the jobs of cms. */
  infer: ["cms", "infer"],
  /** Looks after what cms does. */
  watcher: ["cms", "observe"],
  /** Looks after what atlas does. */
  neighbour: ["atlas", "observe"],
  operator: ["site", "observe, operate"],
  registrar: ["cms", "observe, register"],
  /** Of an experiment that may use no model of this gateway. */
  stranger: ["few", "observe"],
} as const;

export type Person = keyof typeof PEOPLE;

export interface DashboardGateway {
  readonly served: TenantsGateway;
  readonly base: string;
  key(person: Person): string;
  asked(path: string, person: Person, init?: RequestInit): Promise<Response>;
  json<T>(path: string, person: Person): Promise<T>;
  /** One request to `simple`. */
  infer(id: string): Promise<Response>;
  stop(): Promise<void>;
}

/** @param models of this package, beside `simple`. @param config lines of YAML */
export async function startDashboardGateway(
  config: string,
  models: readonly string[] = [],
): Promise<DashboardGateway> {
  const folder = temporaryFolder();
  const keys = new Map<Person, string>();
  const rules = Object.entries(PEOPLE).map(([person, [tenant, roles]]) => {
    const { key, line } = newApiKey();
    keys.set(person as Person, key);
    writeFileSync(join(folder.path, `${person}.keys`), `${line} ${person}\n`);
    return `  - { key: ${person}, keyFile: ${person}.keys, tenant: ${tenant}, roles: [${roles}] }`;
  });
  writeFileSync(
    join(folder.path, "tenants.yaml"),
    "tenants: { cms: { weight: 2, guarantee: 0.25 }, atlas: {}, site: {}, few: { models: [other] } }\n" +
      `identities:\n${rules.join("\n")}\n`,
  );
  mkdirSync(join(folder.path, "models"), { recursive: true });
  for (const model of models)
    cpSync(join(packageRoot, "models", model), join(folder.path, "models", model), {
      recursive: true,
    });
  const served = await startTenantsGateway(folder.path, config);
  const base = `http://127.0.0.1:${served.httpPort}`;
  const key = (person: Person) => keys.get(person) ?? "";
  const asked = (path: string, person: Person, init: RequestInit = {}) =>
    fetch(base + path, { ...init, headers: { ...init.headers, "x-api-key": key(person) } });
  return {
    ...{ served, base, key, asked },
    json: async <T>(path: string, person: Person) =>
      (await (await asked(path, person)).json()) as T,
    infer: (id) => {
      const tensor = (name: string) => ({
        ...{ name, datatype: "INT32", shape: [1, 16] },
        data: Array(16).fill(1),
      });
      const body = JSON.stringify({ id, inputs: [tensor("INPUT0"), tensor("INPUT1")] });
      return asked("/v2/models/simple/infer", "infer", { method: "POST", body });
    },
    stop: async () => {
      await served.stop();
      folder.remove();
    },
  };
}

export interface LookedAt {
  readonly browser: Browser;
  readonly page: Page;
  /** What went wrong on the page. */
  readonly errors: string[];
}

/** Logged in. */
export async function lookAt(gateway: DashboardGateway, person: Person): Promise<LookedAt> {
  const browser = await chromium.launch({
    ...(CHROMIUM !== undefined && { executablePath: CHROMIUM }),
    args: ["--no-sandbox"],
  });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const errors: string[] = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  page.on("console", (said) => {
    // That nobody is known yet is told by a status, which the browser writes down.
    if (said.type() === "error" && !said.text().includes("401")) errors.push(said.text());
  });
  await page.goto(`${gateway.base}/`);
  await page.fill("input[name=secret]", gateway.key(person));
  await page.click("button[type=submit]");
  await page.waitForSelector(".tiles", { timeout: 60_000 });
  return { browser, page, errors };
}

/** Asks until it is so. @throws Error with what was seen last */
export async function until<T>(
  ask: () => Promise<T>,
  is: (value: T) => boolean,
  withinMs = 60_000,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const value = await ask();
    if (is(value)) return value;
    if (performance.now() > end)
      throw new Error(`not within ${withinMs} ms: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
