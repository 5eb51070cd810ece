/**
 * From the format that the folder has to the one that is written today, step by step.
 *
 * A step runs while nobody else upgrades, and may have been cut off before: it finds some of its work done.
 * `format.json` changes when a step is complete.
 */
import type { Logger } from "../../logger.ts";
import { makeFolder } from "./durable.ts";
import { hold } from "./exclusive.ts";
import { FORMAT_VERSION, readFormat, replaceFormat } from "./format.ts";
import type { Layout } from "./layout.ts";
import { fromBareRecords } from "./upgrades/from-0-bare-records.ts";

/** At `n`: from format n to n + 1. */
const STEPS: readonly ((layout: Layout) => Promise<void>)[] = [fromBareRecords];

const WAIT_MS = 100;

export async function upgrade(layout: Layout, log: Logger): Promise<void> {
  await makeFolder(layout.temporary);
  let told = false;
  for (;;) {
    const got = await hold(layout, layout.upgradeLock);
    if ("held" in got) {
      try {
        await runSteps(layout, log);
      } finally {
        await got.held.release();
      }
      return;
    }
    if (!told) {
      const { pid, host } = got.holder;
      log.info(`process ${pid} on ${host} upgrades the store '${layout.root}': waiting for it`);
      told = true;
    }
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
}

async function runSteps(layout: Layout, log: Logger): Promise<void> {
  for (;;) {
    const version = (await readFormat(layout)) ?? FORMAT_VERSION;
    const step = STEPS[version];
    if (version >= FORMAT_VERSION || step === undefined) return;
    log.info(`store '${layout.root}': upgrading from format ${version} to ${version + 1}`);
    await step(layout);
    await replaceFormat(layout, version + 1);
  }
}
