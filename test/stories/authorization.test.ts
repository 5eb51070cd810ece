/** Every RPC and every route, asked by everybody: what comes out is written down here by hand. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HTTP_ACCESS, RPC_ACCESS } from "../../src/tenants/access-table.ts";
import { newApiKey } from "../../src/tenants/api-keys.ts";
import {
  startTenantsGateway,
  type TenantsGateway,
  temporaryFolder,
} from "../support/identity/tenants-gateway.ts";

/** Nobody is asked. */
const ALL = "anonymous infer observe operate register admin";
const READ = "infer observe admin";
const INFER = "infer admin";
const OBSERVE = "observe admin";
const OPERATE = "operate admin";
const REGISTER = "register admin";
const ADMIN = "admin";
const SOMEBODY = "infer observe operate register admin";

const I = "/inference.GRPCInferenceService/";
const RPCS: Readonly<Record<string, string>> = {
  [`${I}ServerLive`]: ALL,
  [`${I}ServerReady`]: ALL,
  [`${I}ServerMetadata`]: READ,
  [`${I}ModelReady`]: READ,
  [`${I}ModelMetadata`]: READ,
  [`${I}ModelConfig`]: READ,
  [`${I}ModelStatistics`]: READ,
  [`${I}RepositoryIndex`]: READ,
  [`${I}ModelInfer`]: INFER,
  [`${I}ModelStreamInfer`]: INFER,
  [`${I}RepositoryModelLoad`]: OPERATE,
  [`${I}RepositoryModelUnload`]: OPERATE,
  [`${I}SystemSharedMemoryStatus`]: ADMIN,
  [`${I}SystemSharedMemoryRegister`]: ADMIN,
  [`${I}SystemSharedMemoryUnregister`]: ADMIN,
  [`${I}CudaSharedMemoryStatus`]: ADMIN,
  [`${I}CudaSharedMemoryRegister`]: ADMIN,
  [`${I}CudaSharedMemoryUnregister`]: ADMIN,
  [`${I}TraceSetting`]: ADMIN,
  [`${I}LogSettings`]: ADMIN,
  "/grpc.health.v1.Health/Check": ALL,
  "/grpc.health.v1.Health/Watch": ALL,
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": READ,
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": READ,
};
const STREAMS = /ModelStreamInfer|Watch|ServerReflectionInfo/;

/** Without the pattern of versions, which says the same of each route. */
const ROUTES: Readonly<Record<string, string>> = {
  "GET /metrics": OBSERVE,
  "GET /": ALL,
  "GET /dashboard/*": ALL,
  "GET /v2/beamgate/dashboard/snapshot": OBSERVE,
  "GET /v2/beamgate/dashboard/events": OBSERVE,
  "GET /v2/beamgate/dashboard/requests": OBSERVE,
  "POST /v2/beamgate/session": ALL,
  "DELETE /v2/beamgate/session": ALL,
  "GET /runbook": ALL,
  "GET /runbook/:page": ALL,
  "GET /v2": READ,
  "GET /v2/openapi.json": READ,
  "GET /v2/health/live": ALL,
  "GET /v2/health/ready": ALL,
  "GET /v2/models/stats": READ,
  "GET /v2/models/:model": READ,
  "GET /v2/models/:model/versions/:version": READ,
  "GET /v2/models/:model/ready": READ,
  "GET /v2/models/:model/versions/:version/ready": READ,
  "GET /v2/models/:model/config": READ,
  "GET /v2/models/:model/versions/:version/config": READ,
  "GET /v2/models/:model/stats": READ,
  "GET /v2/models/:model/versions/:version/stats": READ,
  "POST /v2/models/:model/infer": INFER,
  "POST /v2/models/:model/versions/:version/infer": INFER,
  "POST /v2/models/:model/generate": INFER,
  "POST /v2/models/:model/versions/:version/generate": INFER,
  "POST /v2/models/:model/generate_stream": INFER,
  "POST /v2/models/:model/versions/:version/generate_stream": INFER,
  "POST /v2/repository/index": READ,
  "POST /v2/repository/:repository/index": READ,
  "POST /v2/repository/models/:model/load": OPERATE,
  "POST /v2/repository/models/:model/unload": OPERATE,
  "POST /v2/repository/:repository/models/:model/load": OPERATE,
  "POST /v2/repository/:repository/models/:model/unload": OPERATE,
  "GET /v2/systemsharedmemory/status": ADMIN,
  "GET /v2/systemsharedmemory/region/:region/status": ADMIN,
  "POST /v2/systemsharedmemory/register": ADMIN,
  "POST /v2/systemsharedmemory/region/:region/register": ADMIN,
  "POST /v2/systemsharedmemory/unregister": ADMIN,
  "POST /v2/systemsharedmemory/region/:region/unregister": ADMIN,
  "GET /v2/cudasharedmemory/status": ADMIN,
  "GET /v2/cudasharedmemory/region/:region/status": ADMIN,
  "POST /v2/cudasharedmemory/register": ADMIN,
  "POST /v2/cudasharedmemory/region/:region/register": ADMIN,
  "POST /v2/cudasharedmemory/unregister": ADMIN,
  "POST /v2/cudasharedmemory/region/:region/unregister": ADMIN,
  "GET /v2/trace/setting": ADMIN,
  "POST /v2/trace/setting": ADMIN,
  "GET /v2/models/:model/trace/setting": ADMIN,
  "POST /v2/models/:model/trace/setting": ADMIN,
  "GET /v2/logging": ADMIN,
  "POST /v2/logging": ADMIN,
  "GET /v2/beamgate/devices": OBSERVE,
  "GET /v2/beamgate/devices/:device": OBSERVE,
  "POST /v2/beamgate/devices/:device/drain": OPERATE,
  "POST /v2/beamgate/devices/:device/undrain": OPERATE,
  "POST /v2/beamgate/devices/:device/lease": OPERATE,
  "POST /v2/beamgate/devices/:device/release": OPERATE,
  "GET /v2/beamgate/explain/:requestId": OBSERVE,
  "GET /v2/beamgate/gateways": OBSERVE,
  "GET /v2/beamgate/who": SOMEBODY,
  "GET /v2/beamgate/loadtests": OBSERVE,
  "POST /v2/beamgate/loadtests": OPERATE,
  "POST /v2/beamgate/loadtests/:run/stop": OPERATE,
  "GET /v2/beamgate/loadtests/:run/report": OBSERVE,
  "GET /v2/beamgate/loadtests/:run/result": OBSERVE,
  "GET /v2/beamgate/usage": OBSERVE,
  "GET /v2/beamgate/tenants": OBSERVE,
  "GET /v2/beamgate/tenants/:tenant": OBSERVE,
  "POST /v2/beamgate/tenants/:tenant": OPERATE,
  "DELETE /v2/beamgate/tenants/:tenant": OPERATE,
  "GET /v2/beamgate/tenancy/audit": OBSERVE,
  "GET /v2/beamgate/reservations": OBSERVE,
  "POST /v2/beamgate/reservations": OPERATE,
  "DELETE /v2/beamgate/reservations/:reservation": OPERATE,
  "GET /v2/beamgate/registry": OBSERVE,
  "GET /v2/beamgate/registry/models/:name": OBSERVE,
  "GET /v2/beamgate/registry/verdicts/:digest": OBSERVE,
  "GET /v2/beamgate/registry/vendors": OBSERVE,
  "GET /v2/beamgate/registry/audit": OBSERVE,
  "POST /v2/beamgate/registry/models/:name/versions/:version/artifacts": REGISTER,
  "POST /v2/beamgate/registry/dry-run": REGISTER,
  "POST /v2/beamgate/registry/models/:name/verify": REGISTER,
  "POST /v2/beamgate/registry/models/:name/promote": REGISTER,
  "POST /v2/beamgate/registry/models/:name/rollback": REGISTER,
  "POST /v2/beamgate/registry/models/:name/pin": REGISTER,
  "POST /v2/beamgate/registry/models/:name/unpin": REGISTER,
  "POST /v2/beamgate/registry/models/:name/retire": REGISTER,
  "DELETE /v2/beamgate/registry/models/:name": REGISTER,
  "DELETE /v2/beamgate/registry/models/:name/aliases/:alias": REGISTER,
  "GET /v2/beamgate/uploads/:digest": REGISTER,
  "HEAD /v2/beamgate/uploads/:digest": REGISTER,
  "PATCH /v2/beamgate/uploads/:digest": REGISTER,
  "POST /v2/beamgate/uploads/:digest/finish": REGISTER,
};

const CALLERS = ["anonymous", "infer", "observe", "operate", "register", "admin"] as const;
type Who = (typeof CALLERS)[number] | "other";

const folder = temporaryFolder();
const keys = new Map<Who, string>();
let served: TenantsGateway;
let client: Client;

beforeAll(async () => {
  const rules: string[] = [];
  for (const who of [...CALLERS.slice(1), "other"] as Who[]) {
    const { key, line } = newApiKey();
    keys.set(who, key);
    writeFileSync(join(folder.path, `${who}.keys`), `# of a test\n${line} ${who}\n`);
    const member =
      who === "other"
        ? "tenant: other, roles: [infer, observe, operate, register]"
        : `tenant: cms, roles: [${who}]`;
    rules.push(`  - { key: ${who}, keyFile: ${who}.keys, ${member} }`);
  }
  const tenants = 'tenants: { cms: {}, other: { models: ["their_*"] } }';
  writeFileSync(
    join(folder.path, "tenants.yaml"),
    `${tenants}\nidentities:\n${rules.join("\n")}\n`,
  );
  served = await startTenantsGateway(folder.path, "{}");
  client = new Client(`127.0.0.1:${served.grpcPort}`, credentials.createInsecure());
});
afterAll(async () => {
  client?.close();
  await served?.stop();
  folder.remove();
});

const headersOf = (who: Who): Record<string, string> => {
  const key = keys.get(who);
  return key === undefined ? {} : { "x-api-key": key };
};

/** A message with `name` in its first field, which is the model's everywhere. */
const named = (model: string) =>
  Buffer.concat([Buffer.from([10, model.length]), Buffer.from(model)]);
const asIs = (bytes: Buffer) => bytes;

function call(path: string, who: Who, message = Buffer.alloc(0)): Promise<ServiceError | Buffer> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headersOf(who))) metadata.set(name, value);
  return new Promise((resolve) => {
    if (!STREAMS.test(path)) {
      client.makeUnaryRequest(path, asIs, asIs, message, metadata, (error, answer) =>
        resolve(error ?? answer ?? Buffer.alloc(0)),
      );
      return;
    }
    const stream = client.makeBidiStreamRequest(path, asIs, asIs, metadata);
    stream.on("data", (answer: Buffer) => {
      resolve(answer);
      stream.cancel();
    });
    stream.on("error", (error: ServiceError) => resolve(error));
    stream.on("end", () => resolve(Buffer.alloc(0)));
    if (message.length > 0 || path.includes("Watch")) stream.write(message);
    stream.end();
  });
}

function ask(row: string, who: Who, model = "simple"): Promise<Response> {
  const [method = "", pattern = ""] = row.split(" ");
  const path = pattern.replace(":model", model).replace(":version", "1").replaceAll(/:\w+/g, "x");
  const port = pattern === "/metrics" ? served.metricsPort : served.httpPort;
  const body = method === "POST" || method === "PATCH" ? { body: "{}" } : {};
  return fetch(`http://127.0.0.1:${port}${path}`, { method, headers: headersOf(who), ...body });
}

/** Of a stream that does not end by itself: what comes first. */
async function textOf(answer: Response): Promise<string> {
  if (answer.headers.get("content-type") !== "text/event-stream") return answer.text();
  const reader = answer.body?.getReader();
  const first = await reader?.read();
  await reader?.cancel();
  return Buffer.from(first?.value ?? []).toString();
}

describe("the tables", () => {
  it("have a hand-written outcome for every row, and no outcome without a row", () => {
    expect(Object.keys(RPCS).toSorted()).toEqual(Object.keys(RPC_ACCESS).toSorted());
    const rows = Object.keys(HTTP_ACCESS).map((row) =>
      row.replace(/:version\([^)]*\)/, ":version"),
    );
    expect(Object.keys(ROUTES).toSorted()).toEqual(rows.toSorted());
  });
});

describe("over gRPC", () => {
  it.each(Object.entries(RPCS))("%s answers %s, and nobody else", async (path, allowed) => {
    for (const who of CALLERS) {
      const answer = await call(path, who);
      const code = answer instanceof Error ? answer.code : 0;
      const details = answer instanceof Error ? answer.details : "";
      if (allowed.split(" ").includes(who)) {
        expect([16, 7], `${who}: ${details}`).not.toContain(code);
        expect(details, "there is no such method").not.toContain("does not implement");
      } else if (who === "anonymous") {
        expect(code).toBe(16);
        expect(details).toContain(
          "nothing says who is calling: this gateway takes a key (x-api-key)",
        );
      } else {
        expect(code, who).toBe(7);
        expect(details).toMatch(
          new RegExp(`needs the role .*; key:${who} of tenant cms has ${who}`),
        );
      }
    }
  });
});

describe("over HTTP", () => {
  it.each(Object.entries(ROUTES))("%s answers %s, and nobody else", async (row, allowed) => {
    for (const who of CALLERS) {
      const answer = await ask(row, who);
      const text = await textOf(answer);
      if (allowed.split(" ").includes(who)) {
        expect([401, 403, 405], `${who}: ${text}`).not.toContain(answer.status);
        expect(text, "there is no such route").not.toBe('{"error":"Not Found"}');
      } else if (who === "anonymous") {
        expect(answer.status).toBe(401);
        expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      } else {
        expect(answer.status, who).toBe(403);
        if (!row.startsWith("HEAD")) {
          expect(text).toMatch(
            new RegExp(`needs the role .*; key:${who} of tenant cms has ${who}`),
          );
        }
      }
    }
  });

  it("refuses a wrong key, whatever else would do", async () => {
    const url = `http://127.0.0.1:${served.httpPort}/v2`;
    const { key } = newApiKey();
    for (const wrong of [key, "", "x", `${keys.get("infer")}x`]) {
      const answer = await fetch(url, { headers: { "x-api-key": wrong } });
      expect(answer.status, wrong).toBe(401);
    }
    const both = { "x-api-key": keys.get("infer") ?? "", authorization: "Bearer a.b.c" };
    expect((await fetch(url, { headers: both })).status).toBe(401);
  });
});

describe("a model of another tenant", () => {
  const rpcs = ["ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics", "ModelInfer"];
  it.each(rpcs)("is to %s what a model is that nobody knows", async (rpc) => {
    const [hidden, unknown] = await Promise.all([
      call(I + rpc, "other", named("simple")),
      call(I + rpc, "other", named("nobody")),
    ]);
    const told = (answer: ServiceError | Buffer) =>
      answer instanceof Error ? `${answer.code} ${answer.details}` : answer.toString("hex");
    expect(told(hidden).replaceAll("simple", "nobody")).toBe(told(unknown));
    const own = await call(I + rpc, rpc === "ModelInfer" ? "infer" : "observe", named("simple"));
    expect(told(own)).not.toBe(told(hidden));
  });

  it("is unknown to a stream", async () => {
    const answer = await call(`${I}ModelStreamInfer`, "other", named("simple"));
    expect(answer.toString()).toContain("Request for unknown model: 'simple' is not found");
  });

  it.each(
    Object.keys(ROUTES).filter(
      (row) => /models\/:model/.test(row) && !/trace|repository/.test(row),
    ),
  )("is to %s what a model is that nobody knows", async (row) => {
    const [hidden, unknown] = [await ask(row, "other"), await ask(row, "other", "nobody")];
    expect(hidden.status).toBe(unknown.status);
    const text = (await hidden.text()).replaceAll("simple", "nobody");
    expect(text).toBe(await unknown.text());
    expect(hidden.status).toBeGreaterThanOrEqual(400);
  });

  it("is in no list", async () => {
    const index = async (who: Who) => (await ask("POST /v2/repository/index", who)).json();
    expect(await index("observe")).toMatchObject([{ name: "simple" }]);
    expect(await index("other")).toEqual([]);
    expect(await call(`${I}RepositoryIndex`, "other")).toEqual(Buffer.alloc(0));
    expect(await (await ask("GET /v2/models/stats", "other")).json()).toEqual({ model_stats: [] });
  });
});
