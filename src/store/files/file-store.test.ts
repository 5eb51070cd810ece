import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { GRACE_MS, storeConformance } from "../conformance.ts";
import { openFileStore } from "./file-store.ts";

describe("the store in a folder", () => {
  storeConformance(async () => {
    const folder = await mkdtemp(join(tmpdir(), "beamgate-store-"));
    let now = Date.now();
    const open = () => openFileStore(folder, { now: () => now, graceMs: GRACE_MS });
    return {
      one: await open(),
      other: await open(),
      advance: (ms) => {
        now += ms;
      },
      reopen: open,
      remove: () => rm(folder, { recursive: true }),
    };
  });
});
