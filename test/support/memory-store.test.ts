import { describe } from "vitest";
import { GRACE_MS, storeConformance } from "../../src/store/conformance.ts";
import { MemoryDisk } from "./memory-store.ts";

describe("the store in memory", () => {
  storeConformance(async () => {
    let now = Date.now();
    const disk = new MemoryDisk({ now: () => now, graceMs: GRACE_MS });
    return {
      one: disk.open(),
      other: disk.open(),
      advance: (ms) => {
        now += ms;
      },
      reopen: async () => disk.open(),
      remove: async () => disk.remove(),
    };
  });
});
