/** Pictures of the page for people to look at, where they ask for them. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";

/** Where they go; absent: none are taken. */
const FOLDER = process.env["BEAMGATE_PICTURES"];

export const WIDTHS = [
  [1440, 900],
  [390, 844],
] as const;
export const THEMES = ["light", "dark"] as const;

/** Of the page as it is. */
export async function picture(page: Page, name: string): Promise<void> {
  if (FOLDER === undefined) return;
  mkdirSync(FOLDER, { recursive: true });
  await page.screenshot({ path: join(FOLDER, `${name}.png`), fullPage: true });
}

/** In both themes, at both widths; afterwards the page is as wide as it was. */
export async function pictures(page: Page, name: string): Promise<void> {
  if (FOLDER === undefined) return;
  const before = page.viewportSize();
  for (const [width, height] of WIDTHS) {
    await page.setViewportSize({ width, height });
    for (const theme of THEMES) {
      await page.evaluate(`document.documentElement.dataset.theme = "${theme}"`);
      // Charts are as wide as they were drawn with the snapshot before.
      await page.waitForTimeout(700);
      await picture(page, `${name}-${theme}-${width}`);
    }
  }
  if (before !== null) await page.setViewportSize(before);
}
