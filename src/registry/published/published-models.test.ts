import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { lstat, mkdtemp, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ADDING_CONFIG, anArtifact, FakeCatalog } from "../../../test/support/fake-catalog.ts";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import { readConfigFile } from "../config-pbtxt.ts";
import { KnownDigests } from "../known-digests.ts";
import { PublishedModels } from "./published-models.ts";

const CHECK_MS = 15_000;
const manifest = {
  manifest: 1,
  backend: "test-board",
  vendor: "xilinx",
  artifact: { file: "jets.xclbin", format: "xclbin", platform: "u50" },
  numericClass: "exact",
  inputs: [{ name: "x", datatype: "FP32", shape: [2] }],
  outputs: [{ name: "y", datatype: "FP32", shape: [2] }],
} as const;

let root: string;
let catalog: FakeCatalog;
const started: PublishedModels[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "beamgate-root-"));
  catalog = new FakeCatalog();
});
afterEach(async () => {
  for (const models of started.splice(0)) await models.stop();
  catalog.remove();
  await rm(root, { recursive: true, force: true });
});

/** What the repository would be told, with nothing ever in use. */
async function publishing({ inUse = () => [] as readonly string[] } = {}) {
  const clock = new VirtualClock();
  const followed: string[] = [];
  const said: string[] = [];
  const log = { debug() {}, info() {}, warn: say, error: say };
  function say(text: string) {
    said.push(text);
  }
  const models = new PublishedModels({
    catalog,
    blobPath: (digest) => catalog.blobPath(digest),
    digests: new KnownDigests(),
    roots: [root],
    backends: ["arm-cpu", "test-board"],
    published() {},
    async followed(names) {
      followed.push(...names);
    },
    inUse: async () => inUse(),
    checkMs: CHECK_MS,
    clock,
    log,
  });
  started.push(models);
  await models.start();
  const versions = () => models.find("jets")?.versions ?? [];
  return { models, clock, followed, said, versions };
}

const bytes = (text: string) => Buffer.from(text);

describe("a registered model", () => {
  it("is a model folder for each version, with links to the store for its files", async () => {
    const graph = catalog.put(bytes("graph"));
    const image = catalog.put(bytes("image"));
    const labels = catalog.put(bytes("one\n"));
    const weights = catalog.put(bytes("weights"));
    const { instance_group: _, ...config } = ADDING_CONFIG;
    catalog.set("jets", "7", {
      config: { ...config, dynamic_batching: { preferred_batch_size: [64] } },
      files: { "labels.txt": labels, "7/weights/a.bin": weights, "../outside": labels },
      artifacts: [
        anArtifact({ digest: graph, file: "jets.onnx" }),
        anArtifact({
          digest: image,
          variant: "xilinx",
          vendor: "xilinx",
          backend: "test-board",
          manifest,
        }),
      ],
    });
    const { versions } = await publishing();
    const [version] = versions();
    const folder = version?.folder ?? "";
    const links = ["labels.txt", "7/cpu/jets.onnx", "7/xilinx/jets.xclbin"];
    const lead = await Promise.all(links.map((path) => readlink(join(folder, path))));
    expect(lead).toEqual([labels, graph, image].map((digest) => catalog.blobPath(digest)));
    // ONNX Runtime takes no weights behind a link that leads elsewhere.
    const beside = join(folder, "7/cpu/weights/a.bin");
    expect((await lstat(beside)).isFile()).toBe(true);
    expect(await readFile(beside, "utf8")).toBe("weights");
    expect(JSON.parse(await readFile(join(folder, "7/xilinx/manifest.json"), "utf8"))).toEqual(
      manifest,
    );
    expect(readdirSync(folder).sort()).toEqual(["7", "config.pbtxt", "labels.txt"]);
    expect(await readConfigFile(join(folder, "config.pbtxt"))).toMatchObject({
      name: "jets",
      version_policy: { specific: { versions: ["7"] } },
      // The size that the gateway fills in by itself is nobody's wish.
      dynamic_batching: {},
    });
    expect(version?.artifacts).toMatchObject([
      {
        name: "cpu",
        vendor: "cpu",
        artifact: { digest: graph, path: join(folder, "7/cpu/jets.onnx") },
      },
      { name: "xilinx", vendor: "xilinx", artifact: { digest: image, manifest } },
    ]);
  });

  it("is served by what is ready and has its backend here; the others say why", async () => {
    const digest = catalog.put(bytes("graph"));
    catalog.set("jets", "1", {
      config: ADDING_CONFIG,
      artifacts: [
        anArtifact({ digest }),
        anArtifact({ digest: "sha256:gone", variant: "gone" }),
        anArtifact({ digest, variant: "gpu", backend: "gpu" }),
        anArtifact({ digest, variant: "old", state: "retired", reason: "slow" }),
      ],
    });
    catalog.set("jets", "2", {
      config: ADDING_CONFIG,
      artifacts: [anArtifact({ digest, state: "validated" })],
    });
    const { models, versions } = await publishing();
    expect(versions().map(({ version }) => version)).toEqual(["1"]);
    const why = (variant: string, version = "1") =>
      models.whyNotPublished("jets", version, variant);
    expect(why("cpu")).toBeUndefined();
    expect(why("gone")).toMatch(/^its bytes cannot be read from the store: ENOENT/);
    expect(why("gpu")).toMatch(/^backend 'gpu' is not switched on here/);
    expect(why("old")).toBe("it is retired: slow");
    expect(why("cpu", "2")).toBe("it is validated");
    expect(why("cpu", "3")).toBe("version 3 is not registered");
    expect(why("tpu")).toBe("it has no artifact 'tpu'");
  });

  it("stays out of the way of a folder of its name, and says so once", async () => {
    mkdirSync(join(root, "jets"));
    catalog.set("jets", "1", {
      config: ADDING_CONFIG,
      artifacts: [anArtifact({ digest: catalog.put(bytes("graph")) })],
    });
    const { models, said } = await publishing();
    await models.follow(["jets"]);
    expect(models.find("jets")).toBeUndefined();
    expect(said).toEqual([expect.stringMatching(/^model 'jets' is registered and also lies in/)]);
    rmSync(join(root, "jets"), { recursive: true });
    await models.follow(["jets"]);
    expect(models.find("jets")).toBeDefined();
  });

  it("with a configuration that is none says so, and leaves other versions alone", async () => {
    const artifacts = [anArtifact({ digest: catalog.put(bytes("graph")) })];
    catalog.set("jets", "1", { config: { input: "x" }, artifacts });
    catalog.set("jets", "2", { config: ADDING_CONFIG, artifacts });
    const { models, versions } = await publishing();
    expect(versions().map(({ version }) => version)).toEqual(["2"]);
    expect(models.whyNotPublished("jets", "1", "cpu")).toMatch(/^its configuration is wrong: /);
  });
});

describe("a folder that was replaced", () => {
  it("goes once nothing is served from it, and never before", async () => {
    const artifact = (text: string) => anArtifact({ digest: catalog.put(bytes(text)) });
    catalog.set("jets", "1", { config: ADDING_CONFIG, artifacts: [artifact("old")] });
    let used: readonly string[] = [];
    const { models, versions } = await publishing({ inUse: () => used });
    const [old] = versions();
    used = old?.artifacts.map(({ artifact: { path } }) => path) ?? [];
    catalog.set("jets", "1", { config: ADDING_CONFIG, artifacts: [artifact("new")] });
    await models.follow(["jets"]);
    const [now] = versions();
    expect(now?.folder).not.toBe(old?.folder);
    const there = () => readdirSync(join(now?.folder ?? "", "..", "..")).length;
    expect(there()).toBe(2);
    used = [];
    await models.follow(["jets"]);
    await expect.poll(there).toBe(1);
  });

  it("is the same for the same content: nothing is loaded again", async () => {
    const artifacts = [anArtifact({ digest: catalog.put(bytes("graph")) })];
    catalog.set("jets", "1", { config: ADDING_CONFIG, artifacts });
    const { models, versions } = await publishing();
    const [before] = versions();
    await models.follow(["jets"]);
    expect(versions()[0]).toEqual(before);
  });
});

describe("bytes in the store that change", () => {
  it("are noticed, do not serve, and serve again when they are right", async () => {
    const digest = catalog.put(bytes("graph"));
    catalog.set("jets", "1", { config: ADDING_CONFIG, artifacts: [anArtifact({ digest })] });
    const { clock, followed, said, versions } = await publishing();
    const look = async () => {
      await clock.advance(CHECK_MS);
      await expect.poll(() => clock.pending).toBe(1);
    };
    await look();
    expect([versions().length, followed]).toEqual([1, []]);
    writeFileSync(catalog.blobPath(digest), "grapH");
    await look();
    expect([versions().length, followed]).toEqual([0, ["jets"]]);
    expect(said).toEqual([
      expect.stringMatching(/does not serve: its bytes in the store are damaged/),
    ]);
    writeFileSync(catalog.blobPath(digest), "graph");
    await look();
    expect([versions().length, followed]).toEqual([1, ["jets", "jets"]]);
  });
});
