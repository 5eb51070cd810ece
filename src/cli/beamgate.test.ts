import { execFile, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../package-root.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-bin-"));
  symlinkSync(join(packageRoot, "src/cli/beamgate.mjs"), join(folder, "beamgate"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...argv: string[]) =>
  promisify(execFile)(process.execPath, [join(folder, "beamgate"), ...argv], {
    cwd: folder,
    env: {},
  });

describe("the program behind a symbolic link, called from elsewhere", { timeout: 120_000 }, () => {
  it("builds what it needs and prints nothing but the answer", async () => {
    const { stdout, stderr } = await run("--version");
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(stderr).toBe("");
  });

  it("prints JSON that is only JSON", async () => {
    const { stdout, stderr } = await run("config", "check", "-o", "json");
    expect(JSON.parse(stdout)).toHaveProperty("keys");
    expect(stderr).toBe("");
  });

  it("writes all of a long answer into a pipe, and bears one that is closed", async () => {
    const artifacts = Array.from({ length: 5_000 }, (_, at) => ({
      ...{ name: `model-${at}`, version: "1", vendor: "xilinx", variant: "xilinx" },
      ...{ platform: "p", format: "xclbin", numericClass: "c", state: "ready" },
    }));
    const answer = JSON.stringify({ generation: 1, artifacts });
    const gateway = createServer((_request, response) => response.end(answer));
    await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
    const url = `127.0.0.1:${(gateway.address() as { port: number }).port}`;
    const argv = [join(folder, "beamgate"), "model", "ls", "--url", url];
    const start = () => spawn(process.execPath, argv, { stdio: "pipe", env: {} });
    try {
      const slow = start();
      await new Promise((resolve) => setTimeout(resolve, 1_000)); // the pipe is full by then
      expect((await text(slow.stdout)).trimEnd().split("\n")).toHaveLength(5_002);

      const closed = start();
      closed.stdout.once("data", () => closed.stdout.destroy());
      expect(await text(closed.stderr)).toBe("");
    } finally {
      gateway.close();
    }
  });

  it("says in one line that its output cannot be written", async () => {
    const full = openSync("/dev/full", "w");
    try {
      const argv = [join(folder, "beamgate"), "config", "check"];
      const child = spawn(process.execPath, argv, { stdio: ["ignore", full, "pipe"], env: {} });
      const exited = new Promise((resolve) => child.once("exit", resolve));
      expect(child.stderr && (await text(child.stderr))).toMatch(/^error: no output: ENOSPC.*\n$/);
      expect(await exited).toBe(1);
    } finally {
      closeSync(full);
    }
  });

  it("hands on the exit code", async () => {
    await expect(run("serve", "--grpc-prot=1")).rejects.toMatchObject({ code: 2 });
  });
});
