/** The jet tagger registered for three vendors, through every check and the real gate, and what is refused there. */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ArtifactManifest } from "../../backends/contract.ts";
import { artifactReaders } from "../../backends/readers.ts";
import { generateTaggerSample } from "../../models/make/data/jet-observables.ts";
import { Random } from "../../models/make/random.ts";
import { silent } from "../../src/logger.ts";
import { writeNpz } from "../../src/npz/write-npz.ts";
import { packageRoot } from "../../src/package-root.ts";
import { Catalog } from "../../src/registry/catalog/catalog.ts";
import type { Registration, Verdict } from "../../src/registry/catalog/types.ts";
import { RegistrationRefused } from "../../src/registry/registration/refused.ts";
import { Registrar } from "../../src/registry/registration/registrar.ts";
import { Trust } from "../../src/registry/trust/trust.ts";
import { VendorKeys } from "../../src/registry/vendors/vendor-keys.ts";
import { vendorRules } from "../../src/registry/vendors/vendor-rules.ts";
import { verifyVerdict } from "../../src/registry/vendors/verdict-signature.ts";
import { type GateRig, gateRig } from "../support/gate-rig.ts";

const LIMIT_MS = 120_000;
const ROWS = 400;
const JET = join(packageRoot, "models", "jet_tagger");
const NEAR = { class: { kind: "abs-rel", abs: 0.02, rel: 0 } } as const;
const KINDS = { xilinx: "xilinx-u50", intel: "intel-fpga" } as const;
const emulated = { emulated: { boards: 1 } };

let rig: GateRig;
let folder: string;
let catalog: Catalog;
let registrar: Registrar;
let keys: VendorKeys;
const served: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "beamgate-registration-story-"));
  rig = await gateRig(Object.values(KINDS).map((kind) => ({ kind, options: emulated })));
  const { store, gate, modules, devices } = rig;
  catalog = new Catalog(store);
  keys = new VendorKeys(store);
  registrar = new Registrar({
    ...{ blobs: store.blobs, catalog, gate, keys, log: silent, now: Date.now },
    architecture: process.arch,
    checkers: {
      ...{ rules: vendorRules(), readers: artifactReaders, modules, trust: new Trust(undefined) },
      devices: () => devices,
      maxArtifactBytes: 2 ** 30,
      workFolder: () => store.folder("reading"),
    },
    async publish(name) {
      served.push(name);
    },
  });
  await register({ ...(await jets("cpu")), golden: await goldenFiles() });
}, LIMIT_MS);
afterAll(async () => {
  await rig.close();
  await rm(folder, { recursive: true, force: true });
});

const register = (registration: Registration) =>
  registrar.register(registration, "story", () => {}, new AbortController().signal);

/** The tagger of one vendor, with other bytes where `change` says so. */
async function jets(
  vendor: "cpu" | "xilinx" | "intel",
  change = (bytes: Buffer) => bytes,
): Promise<Registration> {
  const common = { name: "jets", version: "1", vendor, equivalence: NEAR };
  if (vendor === "cpu") {
    const config = readFileSync(join(JET, "config.pbtxt"), "utf8").replace(/^name:.*$/m, "");
    const files = { "labels.txt": await rig.put(join(JET, "labels.txt")) };
    const artifact = await rig.put(join(JET, "1", "model.onnx"));
    return { ...common, config, files, file: "model.onnx", artifact };
  }
  const from = join(JET, "1", vendor === "xilinx" ? "u50" : "intel");
  const manifest = JSON.parse(
    readFileSync(join(from, "manifest.json"), "utf8"),
  ) as ArtifactManifest;
  const { file } = manifest.artifact;
  const path = join(folder, file);
  writeFileSync(path, change(readFileSync(join(from, file))));
  const digest = await rig.put(path);
  const told = { ...manifest, artifact: { ...manifest.artifact, digest } };
  return { ...common, file, artifact: digest, manifest: told };
}

/** Jets as they are, and what the graph makes of them. */
async function goldenFiles() {
  const path = join(folder, "jets.npz");
  const { inputs } = generateTaggerSample(new Random(7), ROWS);
  const chunks = [new Uint8Array(inputs.buffer, inputs.byteOffset, inputs.byteLength)];
  await writeNpz(path, [{ name: "input", datatype: "FP32", shape: [ROWS, 16], chunks }]);
  const scratch = { ...(await jets("cpu")), name: "scratch", validateOnly: true };
  const { artifact } = await register(scratch);
  const { model } = catalog.get("scratch") ?? {};
  const version = model?.versions["1"];
  if (model === undefined || version === undefined) throw new Error("nothing was registered");
  const given = { inputs: await rig.put(path) };
  const { signal } = new AbortController();
  const { golden } = await rig.gate.prove(model, version, artifact, given, () => {}, signal);
  return { inputs: golden.inputs, outputs: golden.outputs };
}

const states = () =>
  catalog
    .get("jets")
    ?.model.versions["1"]?.artifacts.map(({ vendor, state }) => `${vendor} ${state}`) ?? [];

/** The check at which it was refused. */
async function refusal(registration: Registration): Promise<string | undefined> {
  const thrown = await register(registration).catch((error: unknown) => error);
  if (!(thrown instanceof RegistrationRefused)) throw thrown;
  return thrown.checks.find(({ outcome }) => outcome === "failed")?.check;
}

describe("the graph for the CPU", () => {
  it("passes the gate and serves", () => {
    expect(states()).toEqual(["cpu ready"]);
    expect(served).toEqual(["jets"]);
    expect(catalog.get("jets")?.model.aliases).toHaveProperty("production");
  });
});

describe.for(["xilinx", "intel"] as const)(
  "the image for an emulated board of %s (skipped where its packages are not installed)",
  (vendor) => {
    it("passes the gate, with a verdict that its registry signed", {
      timeout: LIMIT_MS,
    }, async (context) => {
      if (!rig.kinds.has(KINDS[vendor])) return context.skip();
      const { artifact } = await register(await jets(vendor));
      expect(artifact).toMatchObject({ state: "ready", verdictSummary: { emulated: true } });
      const stored = readFileSync(rig.path(artifact.verdict ?? ""), "utf8");
      const signed = JSON.parse(stored) as { verdict: Verdict; signature: never };
      const { publicKey } = await keys.publicKey(vendor);
      expect(verifyVerdict(signed, publicKey)).toBe(true);
      expect(signed.verdict).toMatchObject({ passed: true, artifact: artifact.digest, rows: ROWS });
      expect(states()).toContain(`${vendor} ready`);
    });

    it("is refused at `platform` where it was compiled for another one", {
      timeout: LIMIT_MS,
    }, async (context) => {
      if (!rig.kinds.has(KINDS[vendor])) return context.skip();
      const registration = await jets(vendor);
      const manifest = registration.manifest as ArtifactManifest;
      const artifact = { ...manifest.artifact, platform: "another_shell_3" };
      const elsewhere = { ...registration, version: "2", manifest: { ...manifest, artifact } };
      expect(await refusal(elsewhere)).toBe("platform");
    });
  },
);

describe("one wrong weight", () => {
  it("is refused at `numeric-equivalence`", { timeout: LIMIT_MS }, async (context) => {
    if (!rig.kinds.has(KINDS.xilinx)) return context.skip();
    const wrong = (image: Buffer) => {
      const text = image.toString("latin1");
      const weights = text.indexOf('"weights_raw":[');
      image.write("9", weights + text.slice(weights).search(/(?<=[,[-])1\d\d(?=,)/), "latin1");
      return image;
    };
    await retireOf("xilinx");
    expect(await refusal(await jets("xilinx", wrong))).toBe("numeric-equivalence");
    const refused = catalog
      .get("jets")
      ?.model.versions["1"]?.artifacts.find(({ state }) => state === "refused");
    expect(refused?.reason).toMatch(/^numeric-equivalence: .*row \d+/);
    expect(refused?.verdictSummary).toMatchObject({ passed: false, rows: ROWS });
  });
});

describe("an answer that depends on the place in the batch", () => {
  it("is refused at `batch-invariance`", { timeout: LIMIT_MS }, async (context) => {
    if (!rig.kinds.has(KINDS.intel)) return context.skip();
    const planted = (source: Buffer) =>
      Buffer.from(
        source
          .toString()
          .replace("(short)lane[l]", "(short)(lane[l] + ((row + l) % 97 == 41 ? 900 : 0))"),
      );
    await retireOf("intel");
    expect(await refusal(await jets("intel", planted))).toBe("batch-invariance");
  });
});

/** Makes room for another one. */
async function retireOf(vendor: string): Promise<void> {
  await catalog.change("jets", undefined, "story", { action: "retire" }, (model) => {
    const version = model?.versions["1"];
    if (model === undefined || version === undefined) return model;
    const artifacts = version.artifacts.map((artifact) =>
      artifact.vendor === vendor ? { ...artifact, state: "retired" as const } : artifact,
    );
    return { ...model, versions: { ...model.versions, "1": { ...version, artifacts } } };
  });
}
