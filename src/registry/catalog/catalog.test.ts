import { describe, expect, it } from "vitest";
import { digestFor, modelWith, withArtifact } from "../../../test/support/catalog-model.ts";
import { MemoryDisk } from "../../../test/support/memory-store.ts";
import { KeptLog } from "../../../test/support/store-folder.ts";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import { rollbackAlias, setAlias } from "./alias-transitions.ts";
import { retire } from "./artifact-transitions.ts";
import { Catalog } from "./catalog.ts";
import type { CatalogModel } from "./types.ts";

const START_MS = Date.parse("2026-03-01T12:00:00.000Z");
const HOUR_MS = 3_600_000;

function gateways() {
  const wall = { ms: START_MS };
  const disk = new MemoryDisk({ now: () => wall.ms });
  const log = new KeptLog();
  const open = () => new Catalog(disk.open(), { now: () => wall.ms, log });
  return { disk, wall, log, open };
}

const promoted = (version: string) => (model: CatalogModel | undefined) => {
  if (model === undefined) throw new Error("there is no model");
  return setAlias(model, { alias: "production", version, at: "", by: "ada" });
};

describe("a change", () => {
  it("is in the catalog and in the audit log when it resolves", async () => {
    const { open } = gateways();
    const catalog = open();
    const model = modelWith("1", "2");
    const action = { action: "register", version: "1", artifact: digestFor("cpu 1") };
    expect(await catalog.change("tagger", undefined, "ada", action, () => model)).toEqual({
      generation: 1,
      model,
      changed: true,
    });
    expect(catalog.get("tagger")).toEqual({ generation: 1, model });
    expect(catalog.snapshot()).toEqual({ generation: 1, models: [{ generation: 1, model }] });
    expect(await catalog.audit(9)).toEqual([
      { at: "2026-03-01T12:00:00.000Z", who: "ada", model: "tagger", generation: 1, ...action },
    ]);
  });

  it("that changes nothing writes nothing", async () => {
    const { open } = gateways();
    const catalog = open();
    const model = modelWith("1");
    await catalog.change("tagger", undefined, "ada", { action: "register" }, () => model);
    const snapshot = catalog.snapshot();
    const again = { action: "promote" };
    expect(await catalog.change("tagger", 1, "ada", again, promoted("1"))).toMatchObject({
      generation: 1,
      changed: false,
    });
    expect(catalog.snapshot()).toBe(snapshot);
    expect(await catalog.audit(9)).toHaveLength(1);
  });

  it("from an old generation is lost, with the one that is there", async () => {
    const { open } = gateways();
    const [one, other] = [open(), open()];
    await one.change("tagger", 0, "ada", { action: "register" }, () => modelWith("1", "2"));
    await other.change("tagger", 1, "bob", { action: "promote" }, promoted("2"));
    await expect(
      one.change("tagger", 1, "ada", { action: "promote" }, promoted("2")),
    ).rejects.toMatchObject({
      code: "ABORTED",
      message: expect.stringContaining("generation 2 is there, 1 was expected"),
    });
    expect(one.get("tagger")?.generation).toBe(2);
  });

  it("without a generation is made again on what others committed", async () => {
    const { open } = gateways();
    const [one, other] = [open(), open()];
    await one.change("tagger", undefined, "ada", { action: "register" }, () => modelWith("1"));
    const add = (version: string) => (model: CatalogModel | undefined) =>
      withArtifact(model, version, { digest: digestFor(`cpu ${version}`) });
    await Promise.all(
      ["2", "3", "4", "5"].map((version, at) =>
        (at % 2 === 0 ? one : other).change(
          "tagger",
          undefined,
          "ada",
          { action: "register", version },
          add(version),
        ),
      ),
    );
    await other.refresh();
    expect(Object.keys(other.get("tagger")?.model.versions ?? {})).toEqual([
      "1",
      "2",
      "3",
      "4",
      "5",
    ]);
    expect(other.get("tagger")?.generation).toBe(5);
    expect(await other.audit(9)).toHaveLength(5);
  });

  it("that the state does not allow leaves everything as it was", async () => {
    const { open } = gateways();
    const catalog = open();
    await catalog.change("tagger", undefined, "ada", { action: "register" }, () => modelWith("1"));
    const ref = { version: "1", digest: digestFor("cpu 1") };
    await expect(
      catalog.change("tagger", undefined, "ada", { action: "retire" }, (model) =>
        model === undefined ? undefined : retire(model, ref, "old"),
      ),
    ).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    expect(catalog.get("tagger")?.generation).toBe(1);
    expect(await catalog.audit(9)).toHaveLength(1);
  });

  it("takes no model that others could not read, and no name that is a path", async () => {
    const catalog = gateways().open();
    const action = { action: "register" };
    const broken = { ...modelWith("1"), aliases: { production: { version: 1 } } };
    await expect(
      catalog.change("tagger", undefined, "ada", action, () => broken as never),
    ).rejects.toMatchObject({ code: "INTERNAL", message: expect.stringContaining("aliases") });
    await expect(
      catalog.change("../x", undefined, "ada", action, () => modelWith("1")),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(
      catalog.change("other", undefined, "ada", action, () => modelWith("1")),
    ).rejects.toThrow("is that of model 'tagger'");
  });

  it("may remove a model, which then can be registered again", async () => {
    const { open } = gateways();
    const [one, other] = [open(), open()];
    await one.change("tagger", undefined, "ada", { action: "register" }, () => modelWith("1"));
    await other.refresh();
    await one.change("tagger", 1, "ada", { action: "remove" }, () => undefined);
    expect(await other.refresh()).toEqual(["tagger"]);
    for (const catalog of [one, other]) {
      expect(catalog.get("tagger")).toBeUndefined();
      expect(catalog.snapshot().models).toEqual([]);
    }
    const again = await other.change(
      "tagger",
      undefined,
      "bob",
      { action: "register" },
      (model) => {
        expect(model).toBeUndefined();
        return modelWith("2");
      },
    );
    expect(again.generation).toBe(3);
    expect((await one.audit(9)).map(({ action }) => action)).toEqual([
      "register",
      "remove",
      "register",
    ]);
  });
});

describe("listeners and those who follow", () => {
  it("hear of every change, here and elsewhere, until they are taken off", async () => {
    const { open } = gateways();
    const [one, other] = [open(), open()];
    const clock = new VirtualClock();
    const heard: string[] = [];
    one.onChange((names) => heard.push(`one ${names.join()}`));
    const off = other.onChange((names) => heard.push(`other ${names.join()}`));
    const stop = other.follow(clock, 500);
    await one.change("tagger", undefined, "ada", { action: "register" }, () => modelWith("1", "2"));
    expect(heard).toEqual(["one tagger"]);
    await settle();
    await clock.advance(500);
    await settle();
    expect(heard).toEqual(["one tagger", "other tagger"]);
    await one.change("tagger", undefined, "ada", { action: "promote" }, promoted("2"));
    await clock.advance(500);
    await settle();
    expect(heard).toEqual(["one tagger", "other tagger", "one tagger", "other tagger"]);
    off();
    stop();
    await one.change("tagger", undefined, "ada", { action: "rollback" }, (model) =>
      model === undefined ? undefined : rollbackAlias(model, "production"),
    );
    await clock.advance(5000);
    await settle();
    expect(heard).toHaveLength(5);
    expect(other.get("tagger")?.generation).toBe(2);
  });
});

describe("a record that is no model", () => {
  it("is left out with a warning, and is not overwritten as if it were not there", async () => {
    const { disk, log, open } = gateways();
    const records = disk.open().records<object>("models");
    await records.commit("foreign", 0, { hello: "world" });
    await records.commit("tagger", 0, modelWith("1"));
    const catalog = open();
    expect(catalog.snapshot().models.map(({ model }) => model.name)).toEqual(["tagger"]);
    expect(log.warnings).toEqual([expect.stringMatching(/'foreign' is left out: name/)]);
    const change = catalog.change("foreign", undefined, "ada", { action: "register" }, () =>
      modelWith("1"),
    );
    await expect(change).rejects.toMatchObject({ code: "DATA_LOSS" });
  });

  it("still holds on to the files that it names", async () => {
    const { disk, open } = gateways();
    const digest = digestFor("needed");
    await disk
      .open()
      .records<object>("models")
      .commit("foreign", 0, { future: [{ digest }] });
    expect(await open().referencedBlobs()).toEqual(new Set([digest]));
  });

  it("keeps what a newer gateway wrote into it", async () => {
    const { disk, open } = gateways();
    const newer = { ...modelWith("1", "2"), quota: { rows: 7 } };
    await disk.open().records<object>("models").commit("tagger", 0, newer);
    const catalog = open();
    await catalog.change("tagger", undefined, "ada", { action: "promote" }, promoted("2"));
    expect(catalog.get("tagger")?.model).toMatchObject({ quota: { rows: 7 } });
  });
});

describe("the files that are needed", () => {
  it("are all that any field of a record names, what others committed among them", async () => {
    const { open } = gateways();
    const [one, other] = [open(), open()];
    const model = modelWith("1");
    const version = model.versions["1"];
    if (version === undefined) throw new Error("it has a version");
    const [inputs, outputs, labels] = [digestFor("in"), digestFor("out"), digestFor("labels")];
    const golden = { inputs, outputs, rows: 3, source: "given" } as const;
    const full = {
      ...model,
      versions: { "1": { ...version, golden, files: { "labels.txt": labels } } },
    };
    await one.change("tagger", undefined, "ada", { action: "register" }, () => full);
    expect(await other.referencedBlobs()).toEqual(
      new Set([digestFor("cpu 1"), inputs, outputs, labels]),
    );
  });
});

describe("an audit log that lacks lines, as processes died before they wrote them", () => {
  it("is completed later from the records, each line once", async () => {
    const { disk, wall, open } = gateways();
    const catalog = open();
    await catalog.change("tagger", undefined, "ada", { action: "register" }, () =>
      modelWith("1", "2"),
    );
    const dead = disk.open().records<CatalogModel>("models");
    await dead.commit("tagger", 1, promoted("2")(modelWith("1", "2")), {
      who: "bob",
      action: "promote",
      version: "2",
    });
    await dead.commit("gone", 0, modelWith("1"), { who: "bob", action: "register" });
    await dead.commit("gone", 1, undefined, { who: "bob", action: "remove" });
    await catalog.refresh();
    await catalog.change("tagger", undefined, "ada", { action: "promote" }, promoted("1"));

    // They may be on their way still.
    expect(await open().completeAudit()).toBe(0);
    wall.ms += HOUR_MS;
    expect(await open().completeAudit()).toBe(3);
    expect(await open().completeAudit()).toBe(0);
    const lines = await catalog.audit(99);
    const told = lines.map(
      ({ who, action, model, generation }) => `${who} ${action} ${model} ${generation}`,
    );
    expect(told.toSorted()).toEqual([
      "ada promote tagger 3",
      "ada register tagger 1",
      "bob promote tagger 2",
      "bob register gone 1",
      "bob remove gone 2",
    ]);
    expect(lines.find(({ who, action }) => who === "bob" && action === "promote")).toMatchObject({
      at: "2026-03-01T12:00:00.000Z",
      version: "2",
      writtenAt: "2026-03-01T13:00:00.000Z",
    });
  });

  it("is not read again for what was complete before", async () => {
    const { wall, open } = gateways();
    const catalog = open();
    await catalog.change("tagger", undefined, "ada", { action: "register" }, () => modelWith("1"));
    wall.ms += HOUR_MS;
    expect(await open().completeAudit()).toBe(0);
    wall.ms += HOUR_MS;
    expect(await open().completeAudit()).toBe(0);
    expect(await catalog.audit(9)).toHaveLength(1);
  });
});

/** Lets everything that needs no timer come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
