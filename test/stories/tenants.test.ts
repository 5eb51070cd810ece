/** Two experiments and an operator on one gateway: each sees, uses and is charged its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadInferenceDefinition } from "../../src/grpc/rpc/definition.ts";
import type { HourlyUsage } from "../../src/inference/usage.ts";
import { newApiKey } from "../../src/tenants/api-keys.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import {
  echoConfig,
  type TemporaryRepository,
  temporaryRepository,
} from "../support/model-repository.ts";

const { service } = loadInferenceDefinition();
const LIMIT_MS = 120_000;
const names = ["cms", "atlas", "operator"] as const;
type Name = (typeof names)[number];
const keys = Object.fromEntries(names.map((name) => [name, newApiKey()])) as Record<
  Name,
  ReturnType<typeof newApiKey>
>;

let repository: TemporaryRepository;
let folder: string;
let gateway: GatewayProcess;
const clients: Client[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-tenants-"));
  for (const name of names) writeFileSync(join(folder, `${name}.key`), keys[name].line);
  const tenants = join(folder, "tenants.json");
  const rule = (key: Name, tenant: string, roles: readonly string[]) => ({
    ...{ key, keyFile: `${key}.key`, tenant, roles },
  });
  const file = {
    tenants: { cms: { sonic: true, models: ["cms_*"] }, atlas: {} },
    identities: [
      rule("cms", "cms", ["infer"]),
      rule("atlas", "atlas", ["infer"]),
      rule("operator", "atlas", ["operate", "observe"]),
    ],
  };
  writeFileSync(tenants, JSON.stringify(file));
  repository = temporaryRepository();
  repository.add("cms_quick", echoConfig({ name: "cms_quick", maxBatchSize: 64, dims: [2] }));
  const slow = { name: "cms_slow", maxBatchSize: 0, dims: [2], delayMs: 400 };
  repository.add("cms_slow", echoConfig(slow));
  repository.add("calo", echoConfig({ name: "calo", maxBatchSize: 64, dims: [2] }));
  repository.add("cms_broken", 'name: "cms_broken" backend: "echo" max_batch_size: -1');
  const patience = ["--tenancy-sonic-patience-ms", "1000"];
  const flags = ["--tenants-file", tenants, ...patience];
  gateway = await startGateway({ repositories: [repository.folder], flags });
}, LIMIT_MS);
afterAll(async () => {
  for (const client of clients) client.close();
  await gateway?.stop();
  repository?.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** On a connection of its own. */
function connect(name: Name) {
  const client = new Client(`127.0.0.1:${gateway.grpcPort}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  clients.push(client);
  const metadata = new Metadata();
  metadata.set("x-api-key", keys[name].key);
  const call = <T>(rpc: string, asked: object): Promise<T | ServiceError> => {
    const method = service[rpc];
    if (method === undefined) throw new Error(`no ${rpc}`);
    return new Promise((resolve) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize as (value: object) => Buffer,
        method.responseDeserialize as (bytes: Buffer) => T,
        asked,
        metadata,
        (error, answer) => resolve(error ?? (answer as T)),
      );
    });
  };
  return {
    infer: (model: string) => {
      const shape = model === "cms_slow" ? [2] : [1, 2];
      const inputs = [{ name: "INPUT0", datatype: "FP32", shape }];
      return call<object>("ModelInfer", {
        ...{ model_name: model, inputs, raw_input_contents: [Buffer.alloc(8)] },
      });
    },
    index: async () => {
      const answer = await call<{ models: { name: string }[] }>("RepositoryIndex", {});
      return answer instanceof Error ? answer : answer.models.map(({ name }) => name).toSorted();
    },
  };
}

async function operator<T>(path: string, method = "GET", body?: object): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${gateway.httpPort}/v2/beamgate/${path}`, {
    method,
    headers: { "x-api-key": keys.operator.key },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as T;
}

describe("tenants of one gateway", { timeout: LIMIT_MS }, () => {
  it("see what is theirs: a CMSSW tenant what serves now, others Triton's full index", async () => {
    expect(await connect("cms").index()).toEqual(["cms_quick", "cms_slow"]);
    expect(await connect("atlas").index()).toEqual(["calo", "cms_broken", "cms_quick", "cms_slow"]);
  });

  it("have quotas of their own, which an operator changes for connections that are there", async () => {
    const [cms, atlas] = [connect("cms"), connect("atlas")];
    expect(await cms.infer("cms_quick")).not.toBeInstanceOf(Error);
    await operator("tenants/cms", "POST", { quota: { rowsPerSecond: 5 } });
    const ofCms = await Promise.all(Array.from({ length: 20 }, () => cms.infer("cms_quick")));
    const refused = ofCms.filter((answer) => answer instanceof Error) as ServiceError[];
    expect(refused.length).toBeGreaterThanOrEqual(10);
    expect(refused.map(({ code }) => code)).toEqual(refused.map(() => 8));
    const ofAtlas = await Promise.all(Array.from({ length: 20 }, () => atlas.infer("calo")));
    expect(ofAtlas.filter((answer) => answer instanceof Error)).toEqual([]);
    await operator("tenants/cms", "DELETE");
    const [entry] = await operator<{ who: string; tenant: string }[]>("tenancy/audit?limit=1");
    expect(entry).toMatchObject({ action: "reset tenant", tenant: "cms" });
    expect(entry?.who).not.toContain("unverified");

    const lines = await operator<HourlyUsage[]>("usage?by=total");
    const of = (tenant: string, model: string) =>
      lines.filter((line) => line.tenant === tenant && line.model === model);
    const cmsRefused = of("cms", "cms_quick").reduce(
      (sum, line) => sum + (line.refused["quota-rowsPerSecond"] ?? 0),
      0,
    );
    expect(cmsRefused).toBe(refused.length);
    expect(of("cms", "cms_quick").reduce((sum, line) => sum + line.requests, 0)).toBe(
      21 - refused.length,
    );
    expect(of("atlas", "calo")).toMatchObject([{ requests: 20, rows: 20, refused: {} }]);
  });

  it("of CMSSW are told to begin elsewhere while their work takes too long; who began goes on", async () => {
    const running = connect("cms");
    expect(await running.index()).toEqual(["cms_quick", "cms_slow"]);
    const work = Array.from({ length: 16 }, () => running.infer("cms_slow"));
    let refusal: unknown;
    await expect
      .poll(async () => {
        refusal = await connect("cms").index();
        return refusal;
      })
      .toBeInstanceOf(Error);
    expect((refusal as ServiceError).code).toBe(14);
    expect((refusal as ServiceError).details).toContain("does not get its share now");
    expect(await running.index()).toEqual(["cms_quick", "cms_slow"]);
    expect(await connect("atlas").index()).toHaveLength(4);
    const answers = await Promise.all(work);
    expect(answers.filter((answer) => answer instanceof Error)).toEqual([]);
    expect(await connect("cms").index()).toEqual(["cms_quick", "cms_slow"]);
  });
});
