import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeNvidiaSmi } from "../../test/support/fake-nvidia-smi.ts";
import { discover } from "./discover.ts";

let folder: string;
const warnings: string[] = [];
const host = {
  log(level: string, message: string) {
    if (level === "warn") warnings.push(message);
  },
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-gpu-"));
  warnings.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function on(recorded: string, devices?: string[]) {
  const path = fileURLToPath(new URL(`recorded/${recorded}`, import.meta.url));
  return discover({ provider: "cuda", devices, nvidiaSmi: fakeNvidiaSmi(folder, path) }, host);
}

describe("the GPUs of a host", () => {
  it("are described by name, memory and PCI address", async () => {
    expect(await on("one")).toEqual([
      {
        id: "gpu:GPU-3d2f6a18-90b7-4c1e-a5d0-7e4b1f9c2a61",
        vendor: "nvidia",
        platform: "cuda",
        description: "NVIDIA H100 80GB HBM3",
        memoryBytes: 81559 * 2 ** 20,
        location: "0000:8d:00.0",
      },
    ]);
  });

  it("are all listed where there are several; what the tool does not know is left out", async () => {
    const devices = await on("several");
    expect(
      devices.map(({ description, memoryBytes, location }) => [description, memoryBytes, location]),
    ).toEqual([
      ["NVIDIA A100-SXM4-40GB", 40960 * 2 ** 20, "0000:07:00.0"],
      ["NVIDIA GeForce RTX 2080 Ti", 11264 * 2 ** 20, "0000:41:00.0"],
      ["NVIDIA T400 4GB", undefined, "00010000:c1:00.0"],
    ]);
    expect(devices[2]).not.toHaveProperty("memoryBytes");
  });

  it("are none, without a complaint, where the driver finds none", async () => {
    expect(await on("none")).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it("are those that the operator names, in whatever order the host has them", async () => {
    const second = "gpu:GPU-7c90d4e2-11ab-4f63-8e57-2a9b3c4d5e6f";
    expect((await on("several", [second])).map(({ id }) => id)).toEqual([second]);
  });

  it("are told to be missing where the operator names others, and the rest serves", async () => {
    const second = "gpu:GPU-7c90d4e2-11ab-4f63-8e57-2a9b3c4d5e6f";
    const devices = await on("several", ["gpu:GPU-gone", second]);
    expect(devices.map(({ id }) => id)).toEqual([second]);
    expect(warnings[0]).toMatch(/gpu:GPU-gone is not here; there are: gpu:GPU-0b8e51c7/);
  });
});

describe("a GPU in MIG mode", () => {
  it("is replaced by its slices, with memory and share of its multiprocessors", async () => {
    const devices = await on("mig");
    expect(devices.slice(0, 2)).toEqual(
      [
        {
          id: "mig:MIG-5e0b9d61-7a3c-5f12-9b84-0c6d2e4f8a10",
          vendor: "nvidia",
          platform: "cuda",
          description: "MIG 3g.47gb of NVIDIA H100 NVL, 60 of 132 multiprocessors",
          memoryBytes: 46.38 * 2 ** 30,
          location: "0000:41:00.0",
        },
        {
          id: "mig:MIG-c27f4a90-1d5e-5b68-8f03-92ab6c7d1e55",
          vendor: "nvidia",
          platform: "cuda",
          description: "MIG 1g.12gb+me of NVIDIA H100 NVL, 16 of 132 multiprocessors",
          memoryBytes: 10.75 * 2 ** 30,
          location: "0000:41:00.0",
        },
      ].map((device) => ({ ...device, memoryBytes: Math.round(device.memoryBytes) })),
    );
    expect(devices.at(-1)).toMatchObject({
      description: "NVIDIA H100 NVL",
      location: "0000:c1:00.0",
    });
  });

  it("says no memory of a compute instance, which shares that of its neighbours", async () => {
    const device = (await on("mig")).find(({ id }) => id.startsWith("mig:MIG-18d3"));
    expect(device?.description).toBe("MIG 1c.2g.24gb of NVIDIA H100 NVL");
    expect(device).not.toHaveProperty("memoryBytes");
  });

  it("serves with slices of unknown size where the tool may not list the profiles", async () => {
    expect((await on("mig-old")).map(({ id, description }) => [id, description])).toEqual([
      ["mig:MIG-GPU-b5f1e0c8-7d29-4a36-9c8b-1e2f3a4d5b6c/2/0", "MIG 4g.20gb of A100-PCIE-40GB"],
      ["mig:MIG-GPU-b5f1e0c8-7d29-4a36-9c8b-1e2f3a4d5b6c/9/0", "MIG 1g.5gb of A100-PCIE-40GB"],
    ]);
    expect(warnings).toEqual(["memory and compute of MIG slices are unknown"]);
  });

  it("without slices is no device, and the operator is told what to do", async () => {
    expect(await on("mig-empty")).toEqual([]);
    expect(warnings[0]).toMatch(/GPU 0 .* has no slice: make some with nvidia-smi mig -i 0 -cgi/);
  });
});

describe("a host whose GPUs cannot be asked for", () => {
  it("without the tool: says that the driver is missing", async () => {
    const asking = discover({ provider: "cuda", nvidiaSmi: join(folder, "none") }, host);
    await expect(asking).rejects.toMatchObject({ fault: "device" });
    await expect(asking).rejects.toThrow(/none -L: the tool is not there.*install the driver/);
  });

  it("with a driver that does not answer: says what the tool said", async () => {
    await expect(on("broken-driver")).rejects.toThrow(
      /couldn't communicate with the NVIDIA driver/,
    );
  });

  it.each([
    [
      "a line of a list that nobody knows",
      { list: "GPU 0: NVIDIA H100 (UUID: N/A)" },
      /-L: expected a GPU/,
    ],
    [
      "a slice before any card",
      { list: "  MIG 1g.5gb Device 0: (UUID: MIG-1)" },
      /-L: expected a GPU/,
    ],
    ["a table of other columns", { list: "one", query: "uuid, name" }, /the column pci.bus_id/],
    ["a row cut off", { list: "one", query: "one", cut: 120 }, /expected 4 values, got/],
  ])("with output that is %s: quotes it", async (_, { list, query, cut }: Broken, reason) => {
    const path = (kind: string) => new URL(`recorded/one/${kind}.txt`, import.meta.url);

    const text = (kind: string, given: string | undefined) =>
      given === "one" ? readFileSync(path(kind), "utf8") : (given ?? "");
    writeFileSync(join(folder, "list.txt"), text("list", list));
    writeFileSync(join(folder, "query.txt"), text("query", query).slice(0, cut));
    const asking = discover({ provider: "cuda", nvidiaSmi: fakeNvidiaSmi(folder, folder) }, host);
    await expect(asking).rejects.toThrow(reason);
  });
});

interface Broken {
  readonly list: string;
  readonly query?: string;
  readonly cut?: number;
}
