/** What is changed from the dashboard is what somebody saw before, however late an answer comes. */
import type { Page, Request, Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TenantList } from "../../src/inference/tenant-report.ts";
import {
  CHROMIUM,
  type DashboardGateway,
  type LookedAt,
  lookAt,
  startDashboardGateway,
} from "../support/dashboard/people.ts";
import { temporaryFolder } from "../support/identity/tenants-gateway.ts";

const STORY_MS = 180_000;

const registry = temporaryFolder();
let gateway: DashboardGateway;
let looked: LookedAt;
beforeAll(async () => {
  gateway = await startDashboardGateway(`registry: { folder: ${registry.path} }`);
  if (CHROMIUM !== undefined) looked = await lookAt(gateway, "operator");
}, STORY_MS);
afterAll(async () => {
  await looked?.browser.close();
  await gateway?.stop();
  registry.remove();
}, STORY_MS);

/** Answers that are held back until a test lets them go. */
async function holdAnswers(page: Page, url: string) {
  const held: Route[] = [];
  let heard: (() => void) | undefined;
  await page.route(url, (route) => {
    held.push(route);
    heard?.();
  });
  return {
    /** Resolves when so many were asked. */
    async asked(count: number): Promise<Request[]> {
      while (held.length < count) {
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
      return held.map((route) => route.request());
    },
    async answer(at: number): Promise<void> {
      await held[at]?.continue();
      await (await held[at]?.request().response())?.finished();
    },
    async fulfil(at: number, json: object): Promise<void> {
      await held[at]?.fulfill({ json });
    },
    end: () => page.unroute(url),
  };
}

describe.skipIf(CHROMIUM === undefined)("terms of a tenant", { timeout: STORY_MS }, () => {
  const field = (title: string) =>
    looked.page.locator("dialog label", { hasText: title }).locator("input");
  const button = (name: string) => looked.page.getByRole("button", { name, exact: true });
  const edit = async () => {
    await looked.page.goto(`${gateway.base}/#/shares`);
    // It is drawn anew twice a second.
    await button("Edit cms").dispatchEvent("click");
    await looked.page.waitForSelector("dialog[open]");
  };
  const termsOf = async (name: string) => {
    const { tenants } = await gateway.json<TenantList>("/v2/beamgate/tenants", "operator");
    return tenants.find((tenant) => tenant.name === name);
  };

  it("are not asked for where one is no number: its field says so", async () => {
    await edit();
    let asked = 0;
    looked.page.on("request", (request) => {
      if (request.method() === "POST") asked += 1;
    });
    await field("rowsPerSecond").fill("10k");
    await button("Preview").click();
    const said = await field("rowsPerSecond").evaluate(
      (input) => (input as unknown as { validationMessage: string }).validationMessage,
    );
    expect(said).toContain("'10k' is no number");
    expect(await button("Save").isDisabled()).toBe(true);
    expect(asked).toBe(0);
    await button("Cancel").click();
  });

  it("stay those of the file where nobody changed them", async () => {
    await edit();
    await field("Weight").fill("3");
    await button("Preview").click();
    await looked.page.waitForSelector("dialog pre:has-text('weight: 2 → 3')");
    await button("Save").click();
    await looked.page.waitForSelector("dialog", { state: "detached" });
    expect(await termsOf("cms")).toMatchObject({ weight: 3, changed: { weight: 3 } });
    expect((await termsOf("cms"))?.changed).toEqual({ weight: 3 });
  });

  it("are saved as they were previewed last, whatever is answered later", async () => {
    await edit();
    const { page } = looked;
    const previews = await holdAnswers(page, "**/v2/beamgate/tenants/cms");
    await field("Weight").fill("4");
    await field("Weight").press("Enter");
    await previews.asked(1);
    await field("Weight").fill("5");
    await field("Weight").press("Enter");
    await previews.asked(2);
    await previews.answer(1);
    await page.waitForSelector("dialog pre:has-text('weight: 3 → 5')");
    await previews.answer(0);
    expect(await page.textContent("dialog pre")).toContain("weight: 3 → 5");
    // Whoever writes on is not taken to the button that changes something.
    expect(await page.evaluate("document.activeElement.matches('dialog input')")).toBe(true);
    await field("Weight").fill("6");
    expect(await button("Save").isDisabled()).toBe(true);
    await field("Weight").press("Enter");
    await previews.asked(3);
    await field("Weight").fill("7");
    await previews.answer(2);
    expect(await button("Save").isDisabled()).toBe(true);
    await previews.end();
    await button("Cancel").click();
  });
});

describe.skipIf(CHROMIUM === undefined)("a registration", { timeout: STORY_MS }, () => {
  it("is not made of what was written while something else was checked", async () => {
    const registrar = await lookAt(gateway, "registrar");
    const { page } = registrar;
    await page.goto(`${gateway.base}/#/register`);
    const dryRuns = await holdAnswers(page, "**/v2/beamgate/registry/dry-run");
    await page.setInputFiles("#files-to-register", {
      ...{ name: "made-up.onnx", mimeType: "application/octet-stream", buffer: Buffer.from("no") },
    });
    await page.fill("input[name=name]", "first");
    await page.getByRole("button", { name: "Check (dry run)" }).click();
    const [asked] = await dryRuns.asked(1);
    expect(asked?.postDataJSON()).toMatchObject({ name: "first" });
    await page.fill("input[name=name]", "second");
    await dryRuns.fulfil(0, { checks: [{ check: "made up", outcome: "passed", reason: "yes" }] });
    await page.waitForSelector("text=Something was changed meanwhile: check it again.");
    const register = page.getByRole("button", { name: "Register", exact: true });
    expect(await register.isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Check (dry run)" }).click();
    expect((await dryRuns.asked(2))[1]?.postDataJSON()).toMatchObject({ name: "second" });
    await dryRuns.fulfil(1, { checks: [{ check: "made up", outcome: "passed", reason: "yes" }] });
    await page.waitForSelector("text=It would be taken to the gate.");
    expect(await register.isDisabled()).toBe(false);
    expect(await page.evaluate("document.activeElement.textContent")).not.toBe("Register");
    expect(registrar.errors).toEqual([]);
    await registrar.browser.close();
  });
});

describe.skipIf(CHROMIUM === undefined)("the registry", { timeout: STORY_MS }, () => {
  it("is sorted as a whole before its first rows are shown, and its refusals are told", async () => {
    const registrar = await lookAt(gateway, "registrar");
    const { page } = registrar;
    const artifacts = Array.from({ length: 300 }, (_, at) => ({
      ...{ name: `model-${at}`, version: "1", vendor: "cpu", variant: "cpu", state: "ready" },
      ...{ platform: "onnx", numericClass: "exact", digest: `sha256:${"0".repeat(64)}` },
    }));
    let works = false;
    await page.route("**/v2/beamgate/registry", (route) =>
      works
        ? route.fulfill({ json: { artifacts } })
        : route.fulfill({ status: 500, json: { error: "the disk is gone" } }),
    );
    await page.goto(`${gateway.base}/#/models?sort.Registry=-Model`);
    await page.waitForSelector("#troubles:has-text('What is registered: the disk is gone')");
    works = true;
    const first = page.locator("[aria-label=Registry] tbody td").first();
    await first.waitFor({ timeout: 60_000 });
    expect(await first.textContent()).toBe("model-299");
    expect(await page.locator("[aria-label=Registry] tbody tr").count()).toBe(200);
    expect(await page.isHidden("#troubles")).toBe(true);
    await registrar.browser.close();
  });
});

it.skipIf(CHROMIUM === undefined)("nothing went wrong on the page", () => {
  expect(looked.errors).toEqual([]);
});
