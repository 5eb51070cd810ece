/** The client that the package exports, against gateways, and as somebody else's program has it. */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ClientOptions, InferenceClient, tensor } from "../../src/client/index.ts";
import { packageRoot } from "../../src/package-root.ts";
import { newApiKey } from "../../src/tenants/api-keys.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { type Issued, TestAuthority } from "../support/identity/authority.ts";
import { TestIssuer } from "../support/identity/issuer.ts";
import {
  startTenantsGateway,
  type TenantsGateway,
  temporaryFolder,
} from "../support/identity/tenants-gateway.ts";

const run = promisify(execFile);
const folder = temporaryFolder();
afterAll(() => folder.remove());

describe("the examples", () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    const explicit = ["simple", "running_sum", "repeat_int32"].map(
      (name) => `--load-model=${name}`,
    );
    const flags = ["--model-control-mode=explicit", ...explicit];
    gateway = await startGateway({ repositories: [join(packageRoot, "models")], flags });
  }, 180_000);
  afterAll(() => gateway?.stop());

  async function example(name: string, ...args: string[]): Promise<string> {
    const program = join(packageRoot, "dist", "src", "client", "examples", `${name}.js`);
    const address = `127.0.0.1:${gateway.grpcPort}`;
    return (await run(process.execPath, [program, address, ...args])).stdout;
  }

  it("infer", async () => {
    expect(await example("infer")).toBe("0 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30\n");
  });

  it("stream, and a sequence", async () => {
    expect(await example("stream")).toBe(
      "1000 of 1000 answers are right\nrunning sums: 11 13 16\n",
    );
  });

  it("decoupled", async () => {
    expect(await example("decoupled")).toBe("4\n5\n6\n");
  });

  it("repository", async () => {
    const loaded = await example("repository", "load", "scalar_sum");
    expect(loaded).toMatch(/^scalar_sum:1 READY $/m);
    expect(loaded).toMatch(/^simple: \d+ rows in \d+ batches$/m);
    expect(await example("repository", "unload", "scalar_sum")).toMatch(
      /^scalar_sum:1 UNAVAILABLE unloaded/m,
    );
    const refused = await example("repository", "load", "nobody").catch(({ stderr }) => stderr);
    expect(refused).toMatch(/^RepositoryModelLoad: INTERNAL: failed to load .nobody./);
  });

  it("descriptions have numbers for numbers", async () => {
    const client = new InferenceClient(`127.0.0.1:${gateway.grpcPort}`);
    expect(await client.modelMetadata("simple")).toMatchObject({
      name: "simple",
      versions: ["1"],
      inputs: [{ name: "INPUT0", datatype: "INT32", shape: [-1, 16] }, { name: "INPUT1" }],
    });
    expect(await client.modelConfig("simple")).toMatchObject({ name: "simple", maxBatchSize: 8 });
    const [statistics] = await client.statistics("simple");
    expect(statistics?.inferenceStats.success?.count).toEqual(expect.any(Number));
    expect(await client.modelReady("simple")).toBe(true);
    expect(await client.modelReady("nobody")).toBe(false);
    expect(await client.repositoryIndex(true)).toHaveLength(3);
    client.close();
  });
});

describe("a gateway that asks who calls", () => {
  const inFolder = (name: string) => join(folder.path, name);
  const issuer = "https://issuer.example/";
  const { key: apiKey, line } = newApiKey();
  let root: TestAuthority;
  let user: Issued;
  let token: string;
  let served: TenantsGateway;

  beforeAll(async () => {
    root = new TestAuthority(folder.path, "root");
    user = root.issue("/DC=ch/CN=alice");
    const server = root.server();
    copyFileSync(server.certPath, inFolder("server.crt"));
    copyFileSync(server.keyPath, inFolder("server.key"));
    const keys = await TestIssuer.create(issuer, { k: "ES256" });
    token = await keys.token(Date.now() / 1000);
    writeFileSync(inFolder("keys.json"), await keys.jwks());
    writeFileSync(inFolder("cms.keys"), `${line}\n`);
    writeFileSync(
      inFolder("tenants.yaml"),
      `
tenants: { cms: {} }
issuers: { iam: { url: "${issuer}", profile: wlcg, jwksFile: keys.json, audiences: ["grpcs://gate:8001"] } }
identities:
  - { certificate: "/DC=ch/CN=alice", tenant: cms, roles: [infer] }
  - { issuer: iam, group: /cms, tenant: cms, roles: [infer] }
  - { key: cms, keyFile: cms.keys, tenant: cms, roles: [infer] }
`,
    );
    served = await startTenantsGateway(
      folder.path,
      "grpc: { tls: { useSsl: true, certPath: server.crt, keyPath: server.key, rootCertPath: root.pem } }",
    );
  });
  afterAll(() => served?.stop());

  async function asked(options: ClientOptions): Promise<unknown> {
    const tls = { ca: readFileSync(root.certPath), serverName: "localhost", ...options.tls };
    const client = new InferenceClient(`127.0.0.1:${served.grpcPort}`, {
      ownConnection: true,
      retry: false,
      ...options,
      tls,
    });
    const numbers = Int32Array.from({ length: 16 }, () => 2);
    const inputs = ["INPUT0", "INPUT1"].map((name) => tensor(name, "INT32", [1, 16], numbers));
    try {
      return (await client.infer({ model: "simple", inputs })).output("OUTPUT0", "INT32").data[0];
    } catch (error) {
      return (error as Error).message;
    } finally {
      client.close();
    }
  }

  it("knows it by certificate, token and key", async () => {
    expect(await asked({ tls: { cert: user.cert, key: user.key } })).toBe(4);
    expect(await asked({ token: () => token })).toBe(4);
    expect(await asked({ apiKey })).toBe(4);
  });

  it("refuses it without, and a wrong one", async () => {
    expect(await asked({})).toMatch(/^ModelInfer: UNAUTHENTICATED: nothing says who is calling/);
    expect(await asked({ apiKey: "wrong" })).toMatch(/^ModelInfer: UNAUTHENTICATED: /);
  });

  it("is refused by the client where its certificate has another name", async () => {
    expect(await asked({ tls: { serverName: "gate.example" }, apiKey })).toMatch(
      /^ModelInfer: UNAVAILABLE: .*gate\.example/,
    );
  });
});

describe("the package", () => {
  it("gives other programs the client with its types, and nothing else", async () => {
    const compiler = join(packageRoot, "node_modules", "typescript-7", "bin", "tsc");
    await run(process.execPath, [compiler, "--project", join(packageRoot, "src", "client")]);
    const project = join(folder.path, "project");
    mkdirSync(join(project, "node_modules"), { recursive: true });
    symlinkSync(packageRoot, join(project, "node_modules", "beamgate"));
    writeFileSync(join(project, "package.json"), '{ "type": "module" }');
    const program = (datatype: string) => `
      import { InferenceClient, tensor } from "beamgate/client";
      const client = new InferenceClient("127.0.0.1:1", { retry: false });
      const made: Float32Array = tensor("x", "${datatype}", [2], [1, 2]).data;
      client.serverLive().then((live: boolean) => {
        console.log(made.length, live);
        client.close();
      });
    `;
    const flags = ["--strict", "--module", "nodenext", "--target", "es2023", "--skipLibCheck"];
    const types = ["--types", "node", "--typeRoots", join(packageRoot, "node_modules", "@types")];
    const compile = (name: string, datatype: string) => {
      writeFileSync(join(project, `${name}.ts`), program(datatype));
      return run(process.execPath, [compiler, ...flags, ...types, `${name}.ts`], { cwd: project });
    };
    await compile("right", "FP32");
    const { stdout } = await run(process.execPath, ["right.js"], { cwd: project });
    expect(stdout).toBe("2 false\n");
    const refused = await compile("wrong", "INT32").catch((error: { stdout: string }) => error);
    expect(refused.stdout).toMatch(/^wrong\.ts\(4,13\): error TS\d+: .*Int32Array/);
    const inside = "import('beamgate/dist/src/gateway.js').catch(({ code }) => console.log(code))";
    const shut = await run(process.execPath, ["-e", inside], { cwd: project });
    expect(shut.stdout).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED\n");
  }, 180_000);
});
