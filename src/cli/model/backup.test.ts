import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCli } from "../../../test/support/run-cli.ts";
import { openFileStore } from "../../store/files/file-store.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-backup-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("model backup and model restore", () => {
  it("make a store again from what was copied", async () => {
    const [store, copy, again] = ["store", "copy", "again"].map((name) => join(folder, name));
    if (!store || !copy || !again) return;
    const open = await openFileStore(store);
    const models = await open.records<{ name: string }>("models");
    await models.commit("jets", 0, { name: "jets" });
    await open.close();

    const backup = await runCli(["model", "backup", copy, "--folder", store, "-o", "json"]);
    expect(backup).toMatchObject({ exitCode: 0, err: "" });
    expect(JSON.parse(backup.out)).toMatchObject({ records: 1, damaged: [] });
    const env = { BEAMGATE_REGISTRY_FOLDER: again };
    expect(await runCli(["model", "restore", copy], env)).toMatchObject({ exitCode: 0 });

    const restored = await openFileStore(again);
    const read = (await restored.records<{ name: string }>("models")).get("jets");
    expect(read?.value).toEqual({ name: "jets" });
    await restored.close();
  });

  it("say what is wrong with a folder", async () => {
    const nothing = join(folder, "nothing");
    const to = join(folder, "to");
    expect(await runCli(["model", "backup", to, "--folder", nothing])).toMatchObject({
      exitCode: 3,
      err: expect.stringContaining("is no store"),
    });
    expect(await runCli(["model", "backup", to])).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining("BEAMGATE_REGISTRY_FOLDER"),
    });
  });
});
