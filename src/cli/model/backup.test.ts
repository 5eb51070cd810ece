import { mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { modelWith } from "../../../test/support/catalog-model.ts";
import { runCli } from "../../../test/support/run-cli.ts";
import { Catalog } from "../../registry/catalog/catalog.ts";
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

describe("model recover", () => {
  it("brings back what can be read of a model, and says who did it", async () => {
    const store = join(folder, "damaged");
    const open = await openFileStore(store);
    const catalog = new Catalog(open);
    const register = { action: "register" };
    await catalog.change("tagger", undefined, "ada", register, () => modelWith("1"));
    await catalog.change("tagger", undefined, "ada", register, () => modelWith("1", "2"));
    truncateSync(join(store, "records", "models", "tagger", "2.json"), 30);

    const recover = ["model", "recover", "tagger", "--folder", store];
    expect(await runCli([...recover, "-o", "json"], { USER: "ada" })).toMatchObject({
      exitCode: 0,
      err: "",
      out: expect.stringContaining('"generation": 3'),
    });
    await catalog.refresh();
    expect(catalog.get("tagger")).toEqual({ generation: 3, model: modelWith("1") });
    const [line] = await catalog.audit(1);
    expect(line).toMatchObject({
      who: "local:ada",
      action: "recover",
      model: "tagger",
      generation: 3,
    });

    expect(await runCli(recover)).toMatchObject({
      exitCode: 3,
      err: expect.stringContaining("is not damaged"),
    });
    const nothing = ["model", "recover", "tagger", "--folder", join(folder, "nothing")];
    expect(await runCli(nothing)).toMatchObject({
      exitCode: 3,
      err: expect.stringContaining("is no store"),
    });
  });
});
