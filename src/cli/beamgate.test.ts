import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

  it("hands on the exit code", async () => {
    await expect(run("serve", "--grpc-prot=1")).rejects.toMatchObject({ code: 2 });
  });
});
