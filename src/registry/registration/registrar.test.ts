import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { MemoryDisk } from "../../../test/support/memory-store.ts";
import {
  checkers,
  fileOf,
  identityModel,
  JET,
  jetTagger,
  SHARED_ARTIFACTS,
  scratchFolder,
  U50,
} from "../../../test/support/registration.ts";
import { StatusError } from "../../errors.ts";
import { silent } from "../../logger.ts";
import { retire, setState } from "../catalog/artifact-transitions.ts";
import { Catalog } from "../catalog/catalog.ts";
import type {
  CatalogArtifact,
  CheckResult,
  Registration,
  SignedVerdict,
  Vendor,
  Verdict,
} from "../catalog/types.ts";
import type { Gate } from "../gate/gate.ts";
import { GateRefusal } from "../gate/gate-refusal.ts";
import { VendorKeys } from "../vendors/vendor-keys.ts";
import { verifyVerdict } from "../vendors/verdict-signature.ts";
import type { Checkers } from "./candidate.ts";
import { RegistrationRefused } from "./refused.ts";
import { Registrar } from "./registrar.ts";

const work = scratchFolder();
const disks: MemoryDisk[] = [];
afterAll(() => {
  for (const disk of disks) disk.remove();
});

/** Passes what it is asked about, unless the case has another one. */
function gateOf(change: (verdict: Verdict) => Partial<Verdict> = () => ({})): Pick<Gate, "prove"> {
  return {
    async prove(model, version, artifact, given, tell) {
      tell(600, 600);
      const made = { inputs: artifact.digest, outputs: artifact.digest, rows: 600 };
      const golden = version.golden ?? { ...made, source: "generated" as const };
      const reference = given === undefined ? (version.reference ?? artifact.digest) : undefined;
      const verdict: Verdict = {
        verdict: 1,
        model: model.name,
        version: version.version,
        artifact: artifact.digest,
        golden,
        reference: reference ?? "given",
        equivalence: version.equivalence,
        device: { id: "d0", vendor: artifact.vendor, platform: artifact.platform, emulated: true },
        software: "test",
        passed: true,
        rows: 600,
        outputs: [],
        batchInvariance: { invariant: true, cases: [] },
        at: "2026-01-01T00:00:00.000Z",
        tookMs: 1,
      };
      return { verdict: { ...verdict, ...change(verdict) }, golden, reference };
    },
  };
}

interface Rig {
  readonly gate?: Pick<Gate, "prove">;
  readonly changes?: Partial<Checkers>;
  readonly disk?: MemoryDisk;
}

function rig({ gate = gateOf(), changes = {}, disk = new MemoryDisk() }: Rig = {}) {
  disks.push(disk);
  const store = disk.open();
  const catalog = new Catalog(store);
  const published: string[] = [];
  const states: string[] = [];
  catalog.onChange((names) => {
    for (const name of names) {
      const versions = Object.values(catalog.get(name)?.model.versions ?? {});
      const all = versions.flatMap(({ artifacts }) =>
        artifacts.map(({ vendor, state }) => `${vendor} ${state}`),
      );
      states.push(all.join(", "));
    }
  });
  const keys = new VendorKeys(store);
  const registrar = new Registrar({
    ...{ blobs: store.blobs, catalog, gate, keys, log: silent, now: Date.now, architecture: "x64" },
    checkers: checkers(work, changes),
    async publish(name) {
      published.push(name);
    },
  });
  const told: CheckResult[] = [];
  const register = (registration: Registration, signal = new AbortController().signal) =>
    registrar.register(registration, "alice", ({ check }) => check && told.push(check), signal);
  return { store, disk, catalog, registrar, register, published, states, keys, told };
}

type Rigged = ReturnType<typeof rig>;

async function put({ store }: Rigged, bytes: Uint8Array): Promise<string> {
  const source = (async function* () {
    yield bytes;
  })();
  return (await store.blobs.put(source, { maxBytes: 2 ** 30 })).digest;
}

/** The jet tagger, uploaded; `bytes` in place of its own. */
async function jet(
  to: Rigged,
  vendor: "cpu" | "xilinx" | "intel",
  changes: Partial<Registration> = {},
): Promise<Registration> {
  const { path, file, manifest, config } = jetTagger(vendor);
  const labels = await put(to, readFileSync(join(JET, "labels.txt")));
  return {
    ...{ name: "jet_tagger", version: "1", vendor, file },
    artifact: await put(to, readFileSync(path)),
    ...(manifest === undefined ? {} : { manifest }),
    ...(config === undefined ? {} : { config }),
    files: { "labels.txt": labels },
    ...changes,
  };
}

const artifacts = (
  { catalog }: Rigged,
  version = "1",
  name = "jet_tagger",
): readonly CatalogArtifact[] => catalog.get(name)?.model.versions[version]?.artifacts ?? [];
const states = (of: Rigged) => artifacts(of).map(({ variant, state }) => `${variant} ${state}`);

describe("the first artifact of a model", () => {
  it("is uploaded, validated, verified, ready and in production, in that order, and then published", async () => {
    const one = rig();
    const { artifact, unchanged, checks, generation } = await one.register(await jet(one, "cpu"));
    expect(one.states).toEqual(["cpu uploaded", "cpu validated", "cpu verified", "cpu ready"]);
    expect(one.published).toEqual(["jet_tagger"]);
    expect({ unchanged, generation }).toEqual({ unchanged: false, generation: 4 });
    expect(artifact).toMatchObject({
      ...{ variant: "cpu", backend: "arm-cpu", format: "onnx", platform: "any", state: "ready" },
      verdictSummary: { passed: true, rows: 600, device: "d0" },
      registeredBy: "alice",
    });
    expect(artifact.underway).toBeUndefined();
    const { model } = one.catalog.get("jet_tagger") ?? {};
    expect(model?.aliases).toMatchObject({ production: { version: "1" } });
    const version = model?.versions["1"];
    expect(version).toMatchObject({
      reference: artifact.digest,
      golden: { rows: 600 },
      config: { max_batch_size: 8192, backend: "onnxruntime" },
      files: { "labels.txt": expect.stringMatching(/^sha256:/) },
      equivalence: { class: { kind: "abs-rel" } },
    });
    expect(version?.config).not.toHaveProperty("name");
    expect(checks.at(-1)).toMatchObject({ check: "batch-invariance", outcome: "passed" });
    expect(one.told).toEqual(checks);
    const actions = (await one.catalog.audit(10)).map(({ action, who }) => `${who} ${action}`);
    expect(actions).toEqual(["alice publish", "alice verify", "alice validate", "alice register"]);
  });

  it("has a verdict that is signed with the key of its vendor's registry", async () => {
    const one = rig();
    const { artifact } = await one.register(await jet(one, "cpu"));
    const stored = readFileSync(one.store.blobs.path(artifact.verdict ?? ""), "utf8");
    const signed = JSON.parse(stored) as SignedVerdict;
    const { publicKey, id } = await one.keys.publicKey("cpu");
    expect(signed.signature.keyId).toBe(id);
    expect(verifyVerdict(signed, publicKey)).toBe(true);
  });

  it("needs no configuration where the artifact says what it takes", async () => {
    const one = rig();
    const artifact = await put(one, identityModel());
    await one.register({ name: "id", version: "1", vendor: "cpu", file: "m.onnx", artifact });
    expect(one.catalog.get("id")?.model.versions["1"]?.config).toMatchObject({
      max_batch_size: 4,
      input: [{ name: "x", dims: ["2"] }],
    });
  });
});

describe("the same artifact again", () => {
  it("changes nothing, also where both come at once", async () => {
    const one = rig();
    const registration = await jet(one, "cpu");
    const both = await Promise.all([one.register(registration), one.register(registration)]);
    expect(both.map(({ unchanged }) => unchanged).sort()).toEqual([false, true]);
    const again = await one.register(registration);
    expect(again).toMatchObject({ unchanged: true, generation: 4, artifact: { state: "ready" } });
    expect(one.states).toHaveLength(4);
  });

  it("is made the one that an alias names, where that was asked for", async () => {
    const one = rig();
    await one.register(await jet(one, "cpu"));
    const candidate = await jet(one, "cpu", { promote: "candidate" });
    expect(await one.register(candidate)).toMatchObject({ unchanged: false, generation: 5 });
    expect(one.catalog.get("jet_tagger")?.model.aliases["candidate"]).toEqual({
      version: "1",
      weight: 0,
    });
    expect(await one.register(candidate)).toMatchObject({ unchanged: true, generation: 5 });
  });
});

describe("another artifact for the same platform of a version", () => {
  it("is refused with what to do, and nothing is recorded of it", async () => {
    const one = rig();
    await one.register(await jet(one, "cpu"));
    const other = { ...(await jet(one, "cpu")), artifact: await put(one, identityModel()) };
    const registering = one.register(other);
    await expect(registering).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    await expect(registering).rejects.toThrow(/retire that one first, or register a new version/);
    expect(states(one)).toEqual(["cpu ready"]);
  });

  it("may take the place of one that is retired", async () => {
    const one = rig();
    await one.register(await jet(one, "cpu"));
    await one.register(await jet(one, "xilinx"));
    const before = artifacts(one)[1]?.digest ?? "";
    await one.catalog.change(
      "jet_tagger",
      undefined,
      "bob",
      { action: "retire" },
      (model) => model && retire(model, { version: "1", digest: before }, "old"),
    );
    await one.register(await jet(one, "xilinx"));
    expect(states(one)).toEqual(["cpu ready", "xilinx ready"]);
  });
});

describe("a version for three vendors", () => {
  it("has a variant each, under one configuration and one reference", async () => {
    const one = rig();
    for (const vendor of ["cpu", "xilinx", "intel"] as const)
      await one.register(await jet(one, vendor));
    expect(states(one)).toEqual(["cpu ready", "xilinx ready", "intel ready"]);
    const version = one.catalog.get("jet_tagger")?.model.versions["1"];
    expect(version?.reference).toBe(artifacts(one)[0]?.digest);
    expect(artifacts(one)[1]).toMatchObject({
      platform: U50,
      numericClass: "ap_fixed-jet_tagger-1",
      manifest: { manifest: 1 },
    });
  });

  it("may be the same file for CPUs and GPUs, which go their own ways", async () => {
    const nvidia = { id: "gpu-0", vendor: "nvidia", platform: "cuda" };
    const failing = gateOf(({ device }) =>
      device.vendor === "nvidia"
        ? { passed: false, failedCheck: "numeric-equivalence", reason: "row 7" }
        : {},
    );
    const one = rig({ gate: failing, changes: { devices: () => [nvidia] } });
    const cpu = await jet(one, "cpu");
    await one.register(cpu);
    await expect(one.register({ ...cpu, vendor: "nvidia" })).rejects.toThrow(/row 7/);
    expect(states(one)).toEqual(["cpu ready", "nvidia refused"]);
  });

  it("is not executed where its device is not, and says why", async () => {
    const one = rig({ changes: { devices: () => [] } });
    await one.register(await jet(one, "cpu"));
    const reasons: [Registration, RegExp][] = [
      [
        await jet(one, "xilinx"),
        /no board of xilinx with platform xilinx_u50_gen3x16_xdma_base_5 is known here/,
      ],
      [{ ...(await jet(one, "cpu")), vendor: "nvidia" }, /no device of nvidia is known here/],
      [{ ...(await jet(one, "cpu")), vendor: "arm" }, /for hosts with arm64, this one has x64/],
    ];
    for (const [registration, reason] of reasons) {
      const { artifact } = await one.register(registration);
      expect(artifact.state).toBe("validated");
      expect(artifact.reason).toMatch(reason);
      expect(artifact.underway).toBeUndefined();
      expect(await one.register(registration)).toMatchObject({ unchanged: true });
    }
  });
});

describe("a board's artifact before there is a reference", () => {
  it("stays validated until it is verified against one", async () => {
    const one = rig();
    const { artifact } = await one.register(await jet(one, "xilinx"));
    expect(artifact.state).toBe("validated");
    expect(artifact.reason).toMatch(/no golden outputs yet: register its reference/);
    await one.register(await jet(one, "cpu"));
    const { digest } = artifact;
    const { signal } = new AbortController();
    const signed = await one.registrar.verify(
      "jet_tagger",
      { version: "1", digest },
      "bob",
      () => {},
      signal,
    );
    expect(signed.verdict).toMatchObject({ passed: true, artifact: digest });
    expect(states(one)).toEqual(["xilinx ready", "cpu ready"]);
    expect(artifacts(one)[0]?.reason).toBeUndefined();
  });

  it("is its own reference where golden outputs are given, or somebody says so", async () => {
    for (const how of ["given", "said"]) {
      const one = rig();
      const golden = {
        inputs: await put(one, Buffer.from("i")),
        outputs: await put(one, Buffer.from("o")),
      };
      // What is in golden files is for the check and the gate: here neither looks.
      const registration = await jet(
        one,
        "xilinx",
        how === "given" ? { golden } : { reference: true },
      );
      const registering = one.register(registration);
      if (how === "given") await expect(registering).rejects.toThrow(/refused at check 'golden'/);
      else expect((await registering).artifact.state).toBe("ready");
    }
  });
});

describe("what a check refuses", () => {
  it("is on record with the check and its reason, and answered with the remedy", async () => {
    const one = rig();
    await one.register(await jet(one, "cpu"));
    const wrong = {
      ...(await jet(one, "xilinx")),
      artifact: await put(one, Buffer.from("nothing at all \0")),
    };
    const thrown = await one.register(wrong).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(RegistrationRefused);
    expect(thrown).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/^refused at check 'digest': .*; /),
    });
    expect(
      (thrown as RegistrationRefused).checks.find(({ outcome }) => outcome === "failed")?.check,
    ).toBe("digest");
    expect(states(one)).toEqual(["cpu ready", "xilinx refused"]);
    expect(artifacts(one)[1]).toMatchObject({ reason: expect.stringMatching(/^digest: /) });
    // The right one is not in its way.
    await one.register(await jet(one, "xilinx"));
    expect(states(one)).toEqual(["cpu ready", "xilinx refused", "xilinx ready"]);
  });

  it("does not bind its version: the next one may have another configuration", async () => {
    let fails = true;
    const gate = gateOf(() => (fails ? { passed: false, failedCheck: "load", reason: "no" } : {}));
    const one = rig({ gate });
    await expect(one.register(await jet(one, "cpu"))).rejects.toThrow(/refused at check 'load'/);
    fails = false;
    const registration = await jet(one, "cpu");
    const config = registration.config?.replace("8192", "16") ?? "";
    const equivalence = { class: { kind: "ulp", max: 9 } } as const;
    await one.register({ ...registration, config, equivalence });
    const version = one.catalog.get("jet_tagger")?.model.versions["1"];
    expect(version).toMatchObject({ config: { max_batch_size: 16 }, equivalence });
    const other = (await jet(one, "xilinx")).config ?? "";
    await expect(one.register(await jet(one, "xilinx", { config: other }))).rejects.toThrow(
      /refused at check 'config': version 1 of model 'jet_tagger' has another configuration: (dynamic_batching|max_batch_size)/,
    );
  });

  it("is another file by the name of one that the version has", async () => {
    const one = rig();
    await one.register(await jet(one, "cpu"));
    const labels = await put(one, Buffer.from("other\n"));
    const registering = one.register(await jet(one, "xilinx", { files: { "labels.txt": labels } }));
    await expect(registering).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    expect(states(one)).toEqual(["cpu ready", "xilinx refused"]);
    expect(artifacts(one)[1]?.reason).toMatch(/has another file 'labels\.txt'/);
  });

  it("is never written under a name that is none", async () => {
    const one = rig();
    const registration = await jet(one, "cpu", { name: "../x" });
    await expect(one.register(registration)).rejects.toThrow(/refused at check 'name'/);
    expect(one.catalog.snapshot().models).toEqual([]);
    expect((await one.catalog.audit(1))[0]).toMatchObject({ who: "alice", action: "refuse" });
  });

  it("is no longer the reference of its version", async () => {
    const one = rig({
      gate: gateOf(() => ({ passed: false, failedCheck: "execution", reason: "no" })),
    });
    await expect(one.register(await jet(one, "cpu"))).rejects.toThrow(
      /refused at check 'execution': no; /,
    );
    expect(one.catalog.get("jet_tagger")?.model.versions["1"]).not.toHaveProperty("reference");
    expect(artifacts(one)[0]).toMatchObject({
      state: "refused",
      verdictSummary: { passed: false },
    });
    expect(one.published).toEqual([]);
  });

  it("is what was not uploaded", async () => {
    const one = rig();
    const registration = await jet(one, "cpu", { artifact: `sha256:${"0".repeat(64)}` });
    await expect(one.register(registration)).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("upload it first"),
    });
    expect(one.catalog.snapshot().models).toEqual([]);
  });

  it("is what was made from an older generation", async () => {
    const one = rig();
    await one.register(await jet(one, "cpu"));
    const late = await jet(one, "xilinx", { generation: 3 });
    await expect(one.register(late)).rejects.toMatchObject({ code: "ABORTED" });
    expect(states(one)).toEqual(["cpu ready"]);
  });
});

describe("verifying what serves", () => {
  it("takes it out of service where it fails now, and says so in the verdict", async () => {
    let fails = false;
    const gate = gateOf(() =>
      fails ? { passed: false, failedCheck: "numeric-equivalence", reason: "row 3" } : {},
    );
    const one = rig({ gate });
    const { artifact } = await one.register(await jet(one, "cpu"));
    const { signal } = new AbortController();
    const verify = () =>
      one.registrar.verify(
        "jet_tagger",
        { version: "1", digest: artifact.digest },
        "bob",
        () => {},
        signal,
      );
    expect((await verify()).verdict.passed).toBe(true);
    expect(states(one)).toEqual(["cpu ready"]);
    expect(one.states.every((each) => !each.includes("refused"))).toBe(true);
    fails = true;
    expect((await verify()).verdict.passed).toBe(false);
    expect(states(one)).toEqual(["cpu refused"]);
    expect(one.published).toHaveLength(3);
    await expect(verify()).rejects.toThrow(/is refused: register it again/);
  });

  it("leaves it in service where the gate could not try it", async () => {
    let busy = false;
    const passing = gateOf();
    const gate: typeof passing = {
      prove: (...given) =>
        busy
          ? Promise.reject(new StatusError("UNAVAILABLE", "no board became free"))
          : passing.prove(...given),
    };
    const one = rig({ gate });
    const { artifact } = await one.register(await jet(one, "cpu"));
    busy = true;
    const of = { version: "1", digest: artifact.digest };
    const { signal } = new AbortController();
    await expect(
      one.registrar.verify("jet_tagger", of, "bob", () => {}, signal),
    ).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(states(one)).toEqual(["cpu ready"]);
  });
});

describe("what the gate cannot even try", () => {
  it("is refused at the check that the gate names, with a remedy", async () => {
    const gate: Pick<Gate, "prove"> = {
      prove: () => Promise.reject(new GateRefusal("load", "it is no graph")),
    };
    const one = rig({ gate });
    await expect(one.register(await jet(one, "cpu"))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/^refused at check 'load': it is no graph; look at /),
    });
    expect(states(one)).toEqual(["cpu refused"]);
    expect(artifacts(one)[0]?.checks.at(-1)).toMatchObject({ check: "load", outcome: "failed" });
    expect(artifacts(one)[0]?.underway).toBeUndefined();
  });
});

describe("a registration that is cancelled", () => {
  it("is told so, and goes on when it is asked for again", async () => {
    const cancel = new AbortController();
    const hanging: Pick<Gate, "prove"> = {
      prove: (_model, _version, _artifact, _given, _tell, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          cancel.abort();
        }),
    };
    const disk = new MemoryDisk();
    const one = rig({ gate: hanging, disk });
    const registration = await jet(one, "cpu");
    await expect(one.register(registration, cancel.signal)).rejects.toMatchObject({
      code: "CANCELLED",
    });
    expect(artifacts(one)[0]).toMatchObject({
      state: "validated",
      reason: expect.stringContaining("cancelled"),
    });
    const next = rig({ disk });
    expect((await next.register(registration)).artifact).toMatchObject({ state: "ready" });
    expect(artifacts(next)[0]?.reason).toBeUndefined();
  });
});

describe("a registration that somebody else asked for, too", () => {
  it("goes on for the others when the first one hangs up", async () => {
    const [first, alsoGone] = [new AbortController(), new AbortController()];
    let asked = 0;
    const passing = gateOf();
    const gate: Pick<Gate, "prove"> = {
      prove: (...given) => {
        if (asked++ > 0) return passing.prove(...given);
        const signal = given[5];
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      },
    };
    const one = rig({ gate });
    const registration = await jet(one, "cpu");
    const ends = [first.signal, alsoGone.signal, undefined, undefined].map((signal) =>
      one.register(registration, signal),
    );
    const told = Promise.allSettled(ends);
    await expect.poll(() => asked).toBe(1);
    alsoGone.abort();
    first.abort();
    const [lost, gone, ...others] = await told;
    expect([lost, gone]).toMatchObject([
      { reason: { code: "CANCELLED" } },
      { reason: { code: "CANCELLED" } },
    ]);
    for (const other of others) {
      expect(other).toMatchObject({ value: { artifact: { state: "ready" } } });
    }
    expect(asked).toBe(2);
  });
});

describe("an artifact that is retired while it is looked at again", () => {
  it("stays retired, also when the next process takes up what was left", async () => {
    const disk = new MemoryDisk();
    const passing = gateOf();
    let meanwhile: (() => Promise<unknown>) | undefined;
    const gate: Pick<Gate, "prove"> = {
      async prove(...given) {
        await meanwhile?.();
        return passing.prove(...given);
      },
    };
    const one = rig({ gate, disk });
    const { artifact } = await one.register(await jet(one, "cpu"));
    const of = { version: "1", digest: artifact.digest, vendor: "cpu" as const };
    meanwhile = () =>
      one.catalog.change(
        "jet_tagger",
        undefined,
        "bob",
        { action: "retire" },
        (model) => model && setState(model, { ...of, state: "retired", reason: "slow" }),
      );
    const { signal } = new AbortController();
    await expect(
      one.registrar.verify("jet_tagger", of, "ada", () => {}, signal),
    ).rejects.toMatchObject({ code: "ABORTED" });
    expect(artifacts(one)[0]).toMatchObject({ state: "retired", reason: "slow" });
    expect(artifacts(one)[0]?.underway).toBeUndefined();
    const next = rig({ disk });
    expect(await next.registrar.resume(signal)).toBe(0);
    expect(states(next)).toEqual(["cpu retired"]);
  });
});

describe("a process that dies in the middle", () => {
  /** A gate that says when it was asked and never answers. */
  function dying() {
    let asked = () => {};
    const reached = new Promise<void>((resolve) => {
      asked = resolve;
    });
    let answer = (_: unknown) => {};
    const gate: Pick<Gate, "prove"> = {
      prove: () => {
        asked();
        return new Promise((_, reject) => {
          answer = reject;
        });
      },
    };
    return { gate, reached, answer: (error: unknown) => answer(error) };
  }

  it("leaves what the next one finishes; if it was not dead after all, it changes nothing more", async () => {
    const disk = new MemoryDisk();
    const { gate, reached, answer } = dying();
    const first = rig({ gate, disk });
    const lost = first.register(await jet(first, "cpu", { promote: "candidate" }));
    lost.catch(() => {});
    await reached;
    const second = rig({ disk });
    expect(artifacts(second)[0]).toMatchObject({
      state: "validated",
      underway: { registration: { name: "jet_tagger" } },
    });
    expect(await second.registrar.resume(new AbortController().signal)).toBe(1);
    expect(states(second)).toEqual(["cpu ready"]);
    expect(second.catalog.get("jet_tagger")?.model.aliases).toHaveProperty("candidate");
    expect(await second.registrar.resume(new AbortController().signal)).toBe(0);
    answer(new StatusError("UNAVAILABLE", "late"));
    await expect(lost).rejects.toThrow("late");
    await second.catalog.refresh();
    expect(states(second)).toEqual(["cpu ready"]);
    expect(artifacts(second)[0]?.reason).toBeUndefined();
  });

  it("leaves nothing half done where its bytes are gone", async () => {
    const disk = new MemoryDisk();
    const { gate, reached } = dying();
    const first = rig({ gate, disk });
    const registration = await jet(first, "cpu");
    first.register(registration).catch(() => {});
    await reached;
    disk.blobs.delete(registration.artifact);
    const second = rig({ disk });
    expect(await second.registrar.resume(new AbortController().signal)).toBe(1);
    expect(artifacts(second)[0]).toMatchObject({
      state: "refused",
      reason: expect.stringContaining("upload it first"),
    });
  });

  it("is not taken for dead while it lives elsewhere", async () => {
    const disk = new MemoryDisk();
    const { gate, reached } = dying();
    const first = rig({ gate, disk });
    const registration = await jet(first, "cpu");
    first.register(registration).catch(() => {});
    await reached;
    await first.catalog.change("jet_tagger", undefined, "test", { action: "test" }, (model) => {
      const version = model?.versions["1"];
      if (model === undefined || version === undefined) return model;
      const moved = version.artifacts.map((artifact) => ({
        ...artifact,
        ...(artifact.underway && {
          underway: {
            ...artifact.underway,
            owner: { ...artifact.underway.owner, place: "another host", host: "far" },
          },
        }),
      }));
      return { ...model, versions: { "1": { ...version, artifacts: moved } } };
    });
    const second = rig({ disk });
    expect(await second.registrar.resume(new AbortController().signal)).toBe(0);
    await expect(second.register(registration)).rejects.toMatchObject({
      code: "ABORTED",
      message: expect.stringMatching(/by process \d+ on far since/),
    });
  });
});

describe("a dry run", () => {
  it("tells what every check says, and records nothing", async () => {
    const one = rig();
    const { artifact, file, vendor } = await jet(one, "intel");
    const results = await one.registrar.dryRun({ artifact, file, vendor });
    expect(results.find(({ check }) => check === "container")?.outcome).toBe("passed");
    expect(results.find(({ check }) => check === "name")?.outcome).toBe("skipped");
    expect(one.catalog.snapshot().models).toEqual([]);
    await expect(one.registrar.dryRun({ vendor })).rejects.toThrow(/no artifact was given/);
  });
});

describe("files of the vendors' tools (../shared/artifacts, else skipped)", () => {
  const files: [string, Vendor, string, string, object][] = [
    [
      "aws_f1.vision.awsxclbin",
      "xilinx",
      "awsxclbin",
      "xilinx_aws-vu9p-f1_shell-v04261818_201920_2",
      { afi: "agfi-0212dc439b22e9889", bitstreamBytes: 22 },
    ],
    [
      "aws_f1.optimization_lab.awsxclbin",
      "xilinx",
      "awsxclbin",
      "xilinx_aws-vu9p-f1_shell-v04261818_201920_2",
      { uuid: "f4e5382c-2706-3628-2fc1-434f6f9554d7", build: { linkedBy: "v++ 2021.1" } },
    ],
    [
      "intel_example.aocr",
      "intel",
      "aocr",
      "a10_ref_small",
      { version: "2024.2.1", kernels: { length: 3 } },
    ],
    [
      "pac_nlb0_d8424dc4.gbs",
      "intel",
      "gbs",
      "69528db6-eb31-577a-8c36-68f9faa081f6",
      { accelerators: [{ uuid: "d8424dc4-a4a3-c413-f89e-433683f9040b" }], imageBytes: 1 },
    ],
    [
      "u50_yolov3_adas_pruned_0_9.xmodel",
      "xilinx",
      "xmodel",
      "DPUv3e B4096",
      { fixedBatchSize: 1, dpu: { fingerprint: "0x40000" }, subgraphs: { length: 6 } },
    ],
  ];
  it.skipIf(!existsSync(SHARED_ARTIFACTS)).each(files)(
    "%s is kept and validated, with its facts",
    async (name, vendor, format, platform, facts) => {
      const one = rig();
      const path = join(SHARED_ARTIFACTS, name);
      const registration = {
        name: "real",
        version: "1",
        vendor,
        file: name,
        artifact: await put(one, readFileSync(path)),
      };
      const { artifact } = await one.register(registration);
      expect(artifact).toMatchObject({
        state: "validated",
        format,
        platform,
        facts,
        backend: "none",
        digest: fileOf(path).digest,
      });
      expect(artifact.reason).toBeTruthy();
      expect(await one.register(registration)).toMatchObject({ unchanged: true });
      const other = vendor === "xilinx" ? "intel" : "xilinx";
      await expect(one.register({ ...registration, version: "2", vendor: other })).rejects.toThrow(
        /refused at check 'vendor'/,
      );
    },
  );
});
