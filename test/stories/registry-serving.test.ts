/** Registered models in a whole gateway: which version and artifact answers, and who is told why not. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import { readConfigFile } from "../../src/registry/config-pbtxt.ts";
import {
  ADDING_CONFIG,
  addingGraph,
  anArtifact,
  type FakeCatalog,
  rowOf,
} from "../support/fake-catalog.ts";
import { InferClient } from "../support/infer-client.ts";
import { encodeQuestion } from "../support/infer-messages.ts";
import { temporaryRepository } from "../support/model-repository.ts";
import { type RegistryGateway, startRegistryGateway } from "../support/registry-gateway.ts";
import { swapUnderLoad } from "../support/swaps.ts";

const LIMIT_MS = 120_000;

describe("two versions that take turns under load", { timeout: LIMIT_MS }, () => {
  it("lose no request, and neither answers once its retirement is acknowledged", async () => {
    const facts = await swapUnderLoad({ swaps: 4, clients: 32, between: 100 });
    expect(facts).toMatchObject({ failed: [], late: [], wrong: [] });
    expect(facts.fewestBetween).toBeGreaterThanOrEqual(100);
    expect(facts.pinned).toBeGreaterThan(50);
    expect(Object.keys(facts.byVersion).sort()).toEqual(["1", "2"]);
  });
});

/** Of `x + added` by some name, so that equal functions have different bytes. */
const digests = new Map<string, string>();
/** Digests of the artifacts whose instances were looked at before they served. */
const looked: string[] = [];
const local = temporaryRepository();
let gateway: RegistryGateway;
let client: InferClient;

beforeAll(async () => {
  const files = { "1/model.onnx": addingGraph(7) };
  local.add("local", "", files);
  local.add("twice", "", files);
  gateway = await startRegistryGateway(await filled(), [local.folder], async (_, { artifact }) => {
    looked.push(artifact.digest);
    if (artifact.digest === digestOf("liar")) throw new Error("row 3 of y is 4, expected 2");
  });
  client = new InferClient(gateway.grpcPort);
}, LIMIT_MS);
afterAll(async () => {
  client?.close();
  await gateway?.stop();
  local.remove();
});

async function filled() {
  const folder = join(packageRoot, "models", "simple_sequence");
  const sequenceConfig = await readConfigFile(join(folder, "config.pbtxt"));
  const sequenceGraph = readFileSync(join(folder, "1", "model.onnx"));
  return (catalog: FakeCatalog) => {
    const put = (name: string, added: number) => {
      const digest = catalog.put(addingGraph(added, name));
      digests.set(name, digest);
      return digest;
    };
    for (const [version, added] of [
      ["1", 1],
      ["2", 2],
    ] as const) {
      catalog.set("jets", version, {
        config: ADDING_CONFIG,
        artifacts: [anArtifact({ digest: put(`jets ${version}`, added) })],
      });
    }
    catalog.alias("jets", "production", { version: "1" });
    catalog.alias("jets", "candidate", { version: "2", weight: 0.1 });

    const arm = { variant: "arm", vendor: "arm", numericClass: "exact" } as const;
    catalog.set("pair", "1", {
      config: ADDING_CONFIG,
      artifacts: [
        anArtifact({ digest: put("pair cpu", 5) }),
        anArtifact({ digest: put("pair arm", 5), ...arm }),
        anArtifact({
          digest: put("pair intel", 5),
          variant: "intel",
          vendor: "intel",
          backend: "intel-fpga",
          state: "refused",
          reason: "numeric-equivalence: 3 LSB",
        }),
        anArtifact({
          digest: put("pair far", 5),
          variant: "nvidia",
          vendor: "nvidia",
          backend: "gpu",
        }),
      ],
    });
    catalog.set("labelled", "1", labelled(catalog, 8, "one\ntwo\n"));
    catalog.set("labelled", "2", labelled(catalog, 16, "uno\ndos\n"));
    catalog.set("twice", "1", {
      config: ADDING_CONFIG,
      artifacts: [anArtifact({ digest: put("twice", 70) })],
    });
    const sequences = {
      config: sequenceConfig,
      artifacts: [anArtifact({ digest: catalog.put(sequenceGraph) })],
    };
    catalog.set("steps", "1", sequences);
    catalog.set("steps", "2", sequences);
    catalog.alias("steps", "production", { version: "1" });
  };
}

function labelled(catalog: FakeCatalog, maxBatchSize: number, labels: string) {
  const output = [{ name: "y", data_type: "TYPE_FP32", dims: ["2"], label_filename: "labels.txt" }];
  return {
    config: { ...ADDING_CONFIG, max_batch_size: maxBatchSize, output },
    files: { "labels.txt": catalog.put(Buffer.from(labels)) },
    artifacts: [anArtifact({ digest: catalog.put(addingGraph(3)) })],
  };
}

const digestOf = (name: string) => digests.get(name) ?? "";

interface Asked {
  readonly version?: string;
  readonly texts?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

function ask(model: string, { version = "", texts = {}, headers = {} }: Asked = {}) {
  const inputs = [{ name: "x", datatype: "FP32", shape: [1, 2], data: rowOf(1) }];
  return client.infer(encodeQuestion({ model, version, texts, inputs }), 30_000, headers);
}

async function askOverHttp(path: string, headers: Record<string, string> = {}, parameters = {}) {
  const response = await fetch(`http://127.0.0.1:${gateway.httpPort}/v2/models/${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify({
      parameters,
      inputs: [{ name: "x", datatype: "FP32", shape: [1, 2], data: [1, -1] }],
    }),
  });
  const answer = (await response.json()) as {
    error?: string;
    model_version?: string;
    parameters?: Record<string, unknown>;
  };
  return { status: response.status, ...answer };
}

const page = async (path: string) =>
  (await fetch(`http://127.0.0.1:${gateway.httpPort}/v2/models/${path}`)).json();

const refusal = (model: string, asked: Asked) =>
  ask(model, asked).then(
    () => "answered",
    (error: { details: string; code: number }) => `${error.code} ${error.details}`,
  );

describe("requests that name no version", { timeout: LIMIT_MS }, () => {
  it("go to production, and to the candidate for its share, exactly", async () => {
    const answers = await Promise.all(Array.from({ length: 1000 }, () => ask("jets")));
    expect(answers.filter(({ version }) => version === "2")).toHaveLength(100);
    expect(answers.filter(({ version }) => version === "1")).toHaveLength(900);
  });

  it("may name an alias instead, over both protocols", async () => {
    expect((await ask("jets", { version: "candidate" })).version).toBe("2");
    expect((await askOverHttp("jets/versions/candidate/infer")).model_version).toBe("2");
    expect((await askOverHttp("jets/versions/production/infer")).model_version).toBe("1");
    expect(await page("jets/versions/candidate")).toMatchObject({ versions: ["2"] });
    expect(await refusal("jets", { version: "nightly" })).toMatch(
      /^3 failed to get model version from specified version string 'nightly'/,
    );
    expect(await refusal("local", { version: "production" })).toMatch(/^3 failed to get model/);
  });

  it("are told about production, though another version is newer", async () => {
    expect(await page("jets/config")).toMatchObject({
      version_policy: { specific: { versions: [1] } },
    });
    expect(await page("jets")).toMatchObject({ versions: ["1", "2"] });
  });

  it("go to production where the candidate cannot serve", async () => {
    const { catalog, serving } = gateway;
    catalog.alias("jets", "candidate", { version: "2", weight: 1 });
    await serving.follow(["jets"]);
    expect((await ask("jets")).version).toBe("2");
    catalog.state("jets", "2", "retired");
    await serving.retired("jets", "2");
    expect((await ask("jets")).version).toBe("1");
    expect(await refusal("jets", { version: "candidate" })).toMatch(/^14 .*not at ready state/);
    catalog.state("jets", "2", "ready");
    catalog.alias("jets", "candidate", { version: "2", weight: 0 });
    await serving.follow(["jets"]);
  });

  it("stay where they are while a version that is to be promoted does not load", async () => {
    const { catalog, serving } = gateway;
    const broken = anArtifact({ digest: catalog.put(Buffer.from("no graph")) });
    catalog.set("jets", "3", { config: ADDING_CONFIG, artifacts: [broken] });
    catalog.alias("jets", "production", { version: "3" });
    await expect(serving.promoted("jets", "production", "3")).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringMatching(
        /^version 3 of model 'jets' does not serve here \(cpu: .*production stays/,
      ),
    });
    expect((await ask("jets")).version).toBe("1");
    catalog.alias("jets", "production", { version: "1" });
    catalog.state("jets", "3", "refused");
    await serving.retired("jets", "3");
  });

  it("stay with the version that their sequence began with", async () => {
    const { catalog, serving } = gateway;
    const step = (id: number, more: object = {}) => {
      const body = {
        parameters: { sequence_id: id, ...more },
        inputs: [{ name: "INPUT", datatype: "INT32", shape: [1, 1], data: [5] }],
      };
      return fetch(`http://127.0.0.1:${gateway.httpPort}/v2/models/steps/infer`, {
        method: "POST",
        body: JSON.stringify(body),
      }).then(async (response) => (await response.json()) as { model_version: string });
    };
    expect((await step(7, { sequence_start: true })).model_version).toBe("1");
    catalog.alias("steps", "production", { version: "2" });
    await serving.promoted("steps", "production", "2");
    expect((await step(8, { sequence_start: true })).model_version).toBe("2");
    expect((await step(7)).model_version).toBe("1");
    expect((await step(7, { sequence_end: true })).model_version).toBe("1");
    expect((await step(8, { sequence_end: true })).model_version).toBe("2");
  });
});

describe("a request that insists on an artifact", { timeout: LIMIT_MS }, () => {
  it.each(["pair cpu", "pair arm"])(
    "is answered by %s alone, by parameter or header",
    async (name) => {
      const digest = digestOf(name);
      const got = [
        await ask("pair", { texts: { beamgate_digest: digest } }),
        await ask("pair", { headers: { "beamgate-digest": digest } }),
      ].map(({ texts }) => texts.get("beamgate_artifact"));
      const overHttp = [
        await askOverHttp("pair/infer", { "Beamgate-Digest": digest }),
        await askOverHttp("pair/infer", {}, { beamgate_digest: digest }),
      ].map(({ parameters }) => parameters?.["beamgate_artifact"]);
      expect([...got, ...overHttp]).toEqual(Array(4).fill(digest));
    },
  );

  it("finds the version that has it", async () => {
    const texts = { beamgate_digest: digestOf("jets 2") };
    expect((await ask("jets", { texts })).version).toBe("2");
    expect((await ask("jets", { texts, version: "candidate" })).version).toBe("2");
    expect(await refusal("jets", { texts, version: "1" })).toMatch(
      /^9 artifact sha256:\w+ of model 'jets' version 2 \(vendor cpu\) is not of version 1/,
    );
  });

  it.each([
    [
      "was refused",
      "pair intel",
      /intel\) is refused and does not serve: numeric-equivalence: 3 LSB$/,
    ],
    [
      "has no backend here",
      "pair far",
      /is ready, but does not serve here: backend 'gpu' is not switched/,
    ],
  ])("fails where the artifact %s, and says so", async (_, name, why) => {
    const answer = await refusal("pair", { texts: { beamgate_digest: digestOf(name) } });
    expect(answer).toMatch(/^9 artifact sha256:/);
    expect(answer).toMatch(why);
    const http = await askOverHttp("pair/infer", { "beamgate-digest": digestOf(name) });
    expect([http.status, http.error]).toEqual([400, expect.stringMatching(why)]);
  });

  it("fails where nobody ever registered it, and names what there is", async () => {
    const headers = { "beamgate-digest": "0".repeat(64) };
    const answer = await refusal("pair", { headers });
    expect(answer).toMatch(
      /^9 model 'pair': no artifact of digest "sha256:0+" serves, nor was one/,
    );
    expect(answer).toContain(`arm of version 1 (${digestOf("pair arm")})`);
  });

  it("or on a vendor or a numeric class fails where there is none such", async () => {
    const arm = await ask("pair", { texts: { beamgate_vendor: "arm", beamgate_class: "exact" } });
    expect(arm.texts.get("beamgate_artifact")).toBe(digestOf("pair arm"));
    expect(await refusal("pair", { headers: { "beamgate-vendor": "intel" } })).toMatch(
      /^9 model 'pair': no variant of vendor "intel" serves: intel \(it is refused: numeric/,
    );
    expect(await refusal("pair", { texts: { beamgate_class: "float16" } })).toMatch(
      /^9 model 'pair': no variant of numeric class "float16": there are cpu .*, arm /,
    );
  });

  it("is held to it by a model of a repository that has one artifact, too", async () => {
    const { createHash } = await import("node:crypto");
    const digest = `sha256:${createHash("sha256").update(addingGraph(7)).digest("hex")}`;
    expect((await ask("local", { texts: { beamgate_digest: digest } })).version).toBe("1");
    expect((await ask("local", { headers: { "beamgate-digest": digest } })).version).toBe("1");
    expect(await refusal("local", { texts: { beamgate_digest: "f".repeat(64) } })).toMatch(
      new RegExp(
        `^9 model 'local': no artifact of digest .* there is arm-cpu of version 1 \\(${digest}\\)`,
      ),
    );
    expect(await refusal("local", { headers: { "beamgate-vendor": "xilinx" } })).toMatch(
      /^9 model 'local': no variant of vendor "xilinx": there is arm-cpu/,
    );
    const overHttp = await askOverHttp("local/infer", { "beamgate-class": "exact" });
    expect([overHttp.status, overHttp.error]).toEqual([400, expect.stringContaining("float32")]);
  });
});

describe("one artifact of a version", { timeout: LIMIT_MS }, () => {
  it("leaves and comes back while the others serve on, and answers nothing in between", async () => {
    const { catalog, serving } = gateway;
    const arm = digestOf("pair arm");
    const failed: unknown[] = [];
    let asking = true;
    const load = Array.from({ length: 8 }, async () => {
      while (asking) await ask("pair").catch((error: unknown) => failed.push(error));
    });
    catalog.state("pair", "1", "retired", arm, "too slow");
    await serving.retired("pair", "1", arm);
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask("pair")));
    const artifacts = new Set(answers.map(({ texts }) => texts.get("beamgate_artifact")));
    expect(artifacts).toEqual(new Set([digestOf("pair cpu")]));
    expect(await refusal("pair", { texts: { beamgate_digest: arm } })).toMatch(
      /is retired and does not serve: too slow$/,
    );
    expect(serving.whyNotServing("pair", "1", "arm")).toBe("it is retired: too slow");
    catalog.state("pair", "1", "ready", arm);
    await serving.follow(["pair"]);
    expect(serving.whyNotServing("pair", "1", "arm")).toBeUndefined();
    const back = await ask("pair", { texts: { beamgate_digest: arm } });
    expect(back.texts.get("beamgate_artifact")).toBe(arm);
    asking = false;
    await Promise.all(load);
    expect(failed).toEqual([]);
  });

  it("is not acknowledged as retired while the registry calls it ready", async () => {
    await expect(gateway.serving.retired("pair", "1")).rejects.toThrow(/still has .* it serves on/);
  });
});

describe("an instance of a registered artifact", { timeout: LIMIT_MS }, () => {
  it("is looked at before it serves, and does not where it computes something else", async () => {
    const { catalog, serving } = gateway;
    const put = (name: string, added: number) => {
      digests.set(name, catalog.put(addingGraph(added, name)));
      return { digest: digestOf(name) };
    };
    const artifacts = [
      anArtifact(put("honest", 2)),
      anArtifact({ ...put("liar", 4), variant: "liar" }),
    ];
    catalog.set("checked", "1", { config: ADDING_CONFIG, artifacts });
    await serving.follow(["checked"]);
    expect(looked).toEqual(expect.arrayContaining([digestOf("honest"), digestOf("liar")]));
    const answer = await ask("checked");
    expect(answer.texts.get("beamgate_artifact")).toBe(digestOf("honest"));
    expect(serving.whyNotServing("checked", "1", "liar")).toBe("row 3 of y is 4, expected 2");
    expect(await refusal("checked", { texts: { beamgate_digest: digestOf("liar") } })).toMatch(
      /^9 model 'checked': no variant of digest .* serves: liar \(row 3 of y is 4, expected 2\)/,
    );
  });

  it("is not where it lies in a repository: there is nothing to compare it with", async () => {
    await ask("local");
    expect(looked).not.toContain("");
  });
});

describe("a registered model", { timeout: LIMIT_MS }, () => {
  it("has a configuration and labels for each of its versions", async () => {
    for (const [version, rows, label] of [
      ["1", 8, "two"],
      ["2", 16, "dos"],
    ] as const) {
      expect(await page(`labelled/versions/${version}/config`)).toMatchObject({
        max_batch_size: rows,
      });
      const response = await fetch(
        `http://127.0.0.1:${gateway.httpPort}/v2/models/labelled/versions/${version}/infer`,
        {
          method: "POST",
          body: JSON.stringify({
            inputs: [{ name: "x", datatype: "FP32", shape: [1, 2], data: [1, 2] }],
            outputs: [{ name: "y", parameters: { classification: 1 } }],
          }),
        },
      );
      const { outputs } = (await response.json()) as { outputs: { data: string[] }[] };
      expect(outputs[0]?.data).toEqual([`5.000000:1:${label}`]);
    }
  });

  it("stands behind a model of a repository that has its name", async () => {
    expect((await ask("twice")).outputs.get("y")).toEqual(
      Buffer.from(Float32Array.of(8, 6).buffer),
    );
    expect(gateway.serving.whyNotServing("twice", "1", "cpu")).toMatch(/^a model repository has/);
  });

  it("goes when the registry has it no more, and comes when it is new", async () => {
    const { catalog, serving } = gateway;
    const artifacts = [anArtifact({ digest: catalog.put(addingGraph(9)) })];
    catalog.set("guest", "1", { config: ADDING_CONFIG, artifacts });
    await serving.follow(["guest"]);
    expect((await ask("guest")).version).toBe("1");
    catalog.drop("guest");
    await serving.retired("guest", "1");
    expect(serving.trouble("guest", "1")).toBe("it has no artifact");
    expect(await refusal("guest", {})).toMatch(
      /^5 Request for unknown model: 'guest' is not found/,
    );
  });

  it("does not serve bytes that were changed in the store", async () => {
    const { catalog, serving } = gateway;
    const digest = catalog.put(addingGraph(11));
    const bytes = readFileSync(catalog.blobPath(digest));
    catalog.set("tampered", "1", { config: ADDING_CONFIG, artifacts: [anArtifact({ digest })] });
    await serving.follow(["tampered"]);
    expect((await ask("tampered")).version).toBe("1");
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(20) ^ 1, 20);
    writeFileSync(catalog.blobPath(digest), changed);
    await serving.follow(["tampered"]);
    expect(await refusal("tampered", { texts: { beamgate_digest: digest } })).toMatch(
      /^9 artifact .* is ready, but does not serve here: its bytes in the store are damaged/,
    );
    writeFileSync(catalog.blobPath(digest), bytes);
    await serving.follow(["tampered"]);
    expect((await ask("tampered")).version).toBe("1");
  });
});
