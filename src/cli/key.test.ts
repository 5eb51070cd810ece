import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "../../test/support/run-cli.ts";
import { hashOfKey, readKeyFile } from "../tenants/api-keys.ts";

describe("key new", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "beamgate-key-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("shows a key once, and keeps its hash in a file of the gateway, beside older ones", async () => {
    const file = join(folder, "jobs.keys");
    const keys: string[] = [];
    for (const comment of ["old", "new one"]) {
      const run = await runCli(["key", "new", "--file", file, "--comment", comment]);
      expect(run.exitCode).toBe(0);
      keys.push(run.out.trim());
    }
    expect(await readKeyFile(file)).toEqual(keys.map(hashOfKey));
    expect(readFileSync(file, "utf8")).toMatch(/^sha256:\w{64} old\nsha256:\w{64} new one\n$/);
    expect(statSync(file).mode & 0o077).toBe(0);
    for (const key of keys) expect(readFileSync(file, "utf8")).not.toContain(key);
  });

  it("says where it could not write", async () => {
    const run = await runCli(["key", "new", "--file", join(folder, "none", "x")]);
    expect(run.exitCode).toBe(2);
    expect(run.err).toMatch(/--file .*none\/x: ENOENT/);
    expect(run.out).toBe("");
  });
});
