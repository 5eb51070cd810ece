import { describe, expect, it } from "vitest";
import { BackendError } from "../../backends/contract.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { silent } from "../logger.ts";
import { ManagedInstance } from "./instance.ts";
import { chooseSlabFolder } from "./slab.ts";
import type { WorkerProcess } from "./worker-process.ts";

const LOADED = { device: { id: "echo:0", vendor: "test", platform: "any" }, firstRunUs: 1 };

/** A worker that loads everything, and can open no room. */
function worker(): { readonly asked: string[]; readonly process: WorkerProcess } {
  const asked: string[] = [];
  const ask = async ({ type }: { readonly type: string }) => {
    asked.push(type);
    if (type === "rooms") throw new BackendError("internal", "no such file");
    return { ...LOADED, maxInFlight: 1 };
  };
  return { asked, process: { ask, state: "ready" } as unknown as WorkerProcess };
}

function instance(): ManagedInstance {
  const variant = {
    ...{ model: "echo", version: "1", inputs: [], outputs: [], maxBatchSize: 1, parameters: {} },
    artifact: { digest: "", path: "", format: "echo", platform: "any" },
  };
  return new ManagedInstance({
    number: 0,
    request: { backendKind: "echo", variant, options: {}, device: "cpu" },
    backend: { kind: "echo" },
    slabFolder: chooseSlabFolder("/dev/shm"),
    clock: new VirtualClock(),
    log: silent,
    onClose: async () => {},
  });
}

describe("a model that is loaded and gets no rooms", () => {
  it("does not stay in its worker", async () => {
    const { asked, process } = worker();
    const loading = instance();
    await expect(loading.loadInto(process)).rejects.toThrow("no such file");
    expect(asked).toEqual(["load", "rooms", "unload"]);
    expect(loading.loaded).toBe(false);
  });
});
