import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ok, warn } from "./doctor/finding.ts";
import { checkMemory, checkOpenFiles, checkSlabFolder } from "./doctor/machine.ts";
import { checkPort, checkRoot } from "./doctor/places.ts";
import { checkNative, checkNode } from "./doctor/runtime.ts";
import { report } from "./doctor.ts";
import { main } from "./main.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-doctor-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("Node", () => {
  it.each([
    ["18.20.0", "fail"],
    ["20.18.9", "fail"],
    ["20.19.0", "warn"],
    ["22.1.0", "warn"],
    ["22.22.2", "ok"],
    ["24.9.0", "warn"],
    ["24.14.1", "ok"],
    ["25.0.0", "ok"],
  ])("%s is %s", (version, level) => expect(checkNode(version).level).toBe(level));
});

describe("a native library", () => {
  it("is loaded in a process of its own", async () => {
    expect(await checkNative("koffi")).toMatchObject({ level: "ok" });
  });

  it("that cannot be loaded fails with the reason and a remedy", async () => {
    const finding = await checkNative("no-such-package");
    expect(finding).toMatchObject({ level: "fail", remedy: expect.stringContaining("npm ci") });
    expect(finding.found).toContain("Cannot find module");
  });
});

describe("memory", () => {
  const MIB = 2 ** 20;
  it("is enough or not for the budget and the workers", () => {
    expect(checkMemory(64 * MIB, 2, 512 * MIB).level).toBe("ok");
    expect(checkMemory(256 * MIB, 4, 512 * MIB)).toMatchObject({
      level: "warn",
      remedy: expect.stringContaining("workers.maxCpuWorkers"),
    });
  });
});

describe("the limit of open files", () => {
  it.each([
    ["1024", "warn"],
    ["65536", "ok"],
    ["unlimited", "ok"],
  ])("%s is %s", async (soft, level) => {
    const limits = join(folder, "limits");
    writeFileSync(
      limits,
      `Limit  Soft  Hard\nMax open files            ${soft}     1048576   files\n`,
    );
    expect((await checkOpenFiles(limits)).level).toBe(level);
  });
});

describe("the folder of slabs", () => {
  it("is written to and left as it was", async () => {
    expect(["ok", "warn"]).toContain((await checkSlabFolder(folder)).level);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("that is not there fails with a remedy", async () => {
    expect(await checkSlabFolder(join(folder, "none"))).toMatchObject({
      level: "fail",
      remedy: expect.stringContaining("workers.slabFolder"),
    });
  });
});

describe("a port", () => {
  it("is free or taken", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const listener = { enabled: true, address: "127.0.0.1", port };
    expect(await checkPort("grpc", listener)).toMatchObject({
      level: "fail",
      found: "Address already in use",
    });
    expect((await checkPort("grpc", { ...listener, enabled: false })).level).toBe("ok");
    await new Promise((resolve) => server.close(resolve));
    expect((await checkPort("grpc", listener)).level).toBe("ok");
  });

  it("on an address of another machine fails", async () => {
    const listener = { enabled: true, address: "192.0.2.1", port: 0 };
    expect((await checkPort("http", listener)).level).toBe("fail");
  });
});

describe("a repository", () => {
  it("counts its models", async () => {
    mkdirSync(join(folder, "jets"));
    expect(await checkRoot(folder)).toMatchObject({ level: "ok", found: "1 folders" });
  });

  it("without models is worth a warning, one that is not there a failure", async () => {
    expect((await checkRoot(folder)).level).toBe("warn");
    expect((await checkRoot(join(folder, "none"))).level).toBe("fail");
  });

  const root = process.getuid?.() === 0;
  it.skipIf(root)("with a closed model is worth a warning (root may read all)", async () => {
    mkdirSync(join(folder, "jets"));
    chmodSync(join(folder, "jets"), 0);
    expect((await checkRoot(folder)).found).toContain("jets");
  });
});

describe("the report", () => {
  it("puts a remedy under its finding and colours only where asked", () => {
    const findings = [ok("node", "24"), warn("disk", "full", "empty it")];
    expect(report(findings, false)).toBe("ok    node: 24\nwarn  disk: full\n      → empty it\n");
    expect(report(findings, true)).toContain("\u001b[33mwarn");
  });
});

describe("the command", () => {
  it("ends with 1 when something fails, and says all of it in JSON", async () => {
    const said: string[] = [];
    const out = (text: string) => void said.push(text);
    const io = { out, err() {}, env: {}, colour: false };
    const ports = ["--grpc-port=0", "--http-port=0", "--metrics-port=0"];
    const argv = ["doctor", "-o", "json", ...ports, "--model-repository", join(folder, "none")];
    expect(await main(argv, io)).toBe(1);
    const findings: { check: string; level: string; remedy?: string }[] = JSON.parse(said.join(""));
    expect(findings.find(({ check }) => check.startsWith("repository"))?.level).toBe("fail");
    for (const { level, remedy } of findings) expect(level === "ok" || remedy).toBeTruthy();
  }, 120_000);
});
