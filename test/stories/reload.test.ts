/** SIGHUP to a gateway under load: keys, tenants, authorities and the certificate change, and nobody is cut off. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Client, connectivityState, credentials, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import { newApiKey } from "../../src/tenants/api-keys.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { type Issued, TestAuthority } from "../support/identity/authority.ts";
import { type HttpsClient, httpsClient, simpleRow } from "../support/identity/https-client.ts";
import { temporaryFolder } from "../support/identity/tenants-gateway.ts";

const INFER = "/v2/models/simple/infer";
const INDEX = "/inference.GRPCInferenceService/RepositoryIndex";
/** A change counts within this time of the signal. */
const WITHIN_MS = 1_000;
/** A change may wait for the processes as often as they were held up. */
const STOPS = 10;
const folder = temporaryFolder();
const inFolder = (name: string) => join(folder.path, name);
const first = newApiKey();
const second = newApiKey();
let root: TestAuthority;
let later: TestAuthority;
let alice: Issued;
let bob: Issued;
let gateway: GatewayProcess;
const ends: (() => void)[] = [];

const TENANTS = `
tenants: { cms: { models: [simple] }, atlas: { models: [simple] } }
identities:
  - { certificate: "/DC=ch/OU=cms/CN=*", tenant: cms, roles: [infer] }
  - { key: monitor, keyFile: monitor.keys, tenant: cms, roles: [infer, observe] }
`;

beforeAll(async () => {
  root = new TestAuthority(folder.path, "root");
  later = new TestAuthority(folder.path, "later");
  alice = root.issue("/DC=ch/OU=cms/CN=alice");
  bob = root.issue("/DC=ch/OU=atlas/CN=bob");
  const server = root.server();
  copyFileSync(root.certPath, inFolder("roots.pem"));
  copyFileSync(server.certPath, inFolder("server.crt"));
  copyFileSync(server.keyPath, inFolder("server.key"));
  writeFileSync(inFolder("monitor.keys"), `${first.line}\n`);
  writeFileSync(inFolder("tenants.yaml"), TENANTS);
  const files = (port: string) => [
    `--${port}-use-ssl`,
    ...[`--${port}-server-cert`, inFolder("server.crt")],
    ...[`--${port}-server-key`, inFolder("server.key")],
    ...[`--${port}-root-cert`, inFolder("roots.pem")],
  ];
  gateway = await startGateway({
    repositories: [join(packageRoot, "models")],
    flags: [
      ...[...files("grpc"), ...files("http"), "--tenants-file", inFolder("tenants.yaml")],
      ...["--model-control-mode", "explicit", "--load-model", "simple"],
    ],
  });
});
afterAll(async () => {
  for (const end of ends) end();
  await gateway?.stop();
  folder.remove();
});

function https(user?: Issued, trusts = readFileSync(root.certPath)): HttpsClient {
  const client = httpsClient({ port: gateway.httpPort, trusts, user });
  ends.push(() => client.close());
  return client;
}

const keyed = ({ key }: { readonly key: string }) => ({ "x-api-key": key });
const statusOf = (client: HttpsClient, headers?: Record<string, string>) =>
  client.ask(INFER, simpleRow(1), headers).then(
    ({ status }) => status,
    (error: Error) => error.message,
  );

const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();

/** Time from the signal until `look` sees `expected`, without what the machine may have taken of it, ms. */
async function afterHangUp(look: () => Promise<unknown>, expected: unknown): Promise<number> {
  delays.reset();
  const begin = performance.now();
  process.kill(gateway.pid, "SIGHUP");
  await expect.poll(look, { timeout: 60_000, interval: 10 }).toBe(expected);
  return performance.now() - begin - (STOPS * delays.max) / 1e6;
}

interface Load {
  /** What came back, each once. */
  readonly outcomes: Set<unknown>;
  /** Connections that there were, of HTTP; breaks of those of gRPC. */
  readonly connections: Set<unknown>;
  answers: number;
  end(): Promise<void>;
}

/** Three clients that never stop: by certificate and by key over HTTPS, by certificate over gRPC. */
async function load(): Promise<Load> {
  let over = false;
  const told = { outcomes: new Set<unknown>(), connections: new Set<unknown>(), answers: 0 };
  const overHttps = async (user: Issued | undefined, headers?: Record<string, string>) => {
    const client = https(user);
    while (!over) {
      const answer = await client.ask(INFER, simpleRow(2), headers).catch(String);
      told.outcomes.add(typeof answer === "string" ? answer : answer.status);
      if (typeof answer !== "string") told.connections.add(answer.from);
      told.answers++;
    }
  };
  const channel = credentials.createSsl(readFileSync(root.certPath), alice.key, alice.cert);
  const client = new Client(`localhost:${gateway.grpcPort}`, channel);
  ends.push(() => client.close());
  const asIs = (bytes: Buffer) => bytes;
  const call = () =>
    new Promise<unknown>((resolve) => {
      const answered = (error: ServiceError | null, answer?: Buffer) =>
        resolve(error ? error.message : answer?.includes("simple") ? 200 : "nothing");
      client.makeUnaryRequest(INDEX, asIs, asIs, Buffer.alloc(0), answered);
    });
  await call();
  client
    .getChannel()
    .watchConnectivityState(connectivityState.READY, Number.POSITIVE_INFINITY, () => {
      if (!over) told.connections.add("gRPC connected anew");
    });
  const overGrpc = async () => {
    while (!over) {
      told.outcomes.add(await call());
      told.answers++;
    }
  };
  const all = Promise.all([overHttps(alice), overHttps(undefined, keyed(second)), overGrpc()]);
  return Object.assign(told, {
    async end() {
      over = true;
      await all;
    },
  });
}

describe("a gateway under load that is sent SIGHUP", () => {
  it("takes each change within a second, and drops no connection", async () => {
    const seen: Record<string, number> = {};
    const staysByKey = https();
    const bobs = https(bob);
    expect(await statusOf(staysByKey, keyed(first))).toBe(200);
    expect(await statusOf(staysByKey, keyed(second))).toBe(401);

    writeFileSync(inFolder("monitor.keys"), `${first.line}\n${second.line}\n`);
    const added = https();
    seen["a key that is added"] = await afterHangUp(() => statusOf(added, keyed(second)), 200);
    const running = await load();

    const withdrawn = https();
    expect(await statusOf(withdrawn, keyed(first))).toBe(200);
    writeFileSync(inFolder("monitor.keys"), `${second.line}\n`);
    seen["a key that is withdrawn"] = await afterHangUp(
      () => statusOf(withdrawn, keyed(first)),
      401,
    );

    expect(await statusOf(bobs)).toBe(401);
    const rule = '  - { certificate: "/DC=ch/OU=atlas/CN=*", tenant: atlas, roles: [infer] }\n';
    writeFileSync(inFolder("tenants.yaml"), TENANTS + rule);
    seen["a rule that is added"] = await afterHangUp(() => statusOf(bobs), 200);

    const own = later.server();
    copyFileSync(own.certPath, inFolder("server.crt"));
    copyFileSync(own.keyPath, inFolder("server.key"));
    writeFileSync(
      inFolder("roots.pem"),
      Buffer.concat([readFileSync(root.certPath), readFileSync(later.certPath)]),
    );
    const dora = later.issue("/DC=ch/OU=cms/CN=dora");
    const trusts = readFileSync(later.certPath);
    seen["an authority, and a certificate of the server"] = await afterHangUp(
      () => statusOf(https(dora, trusts)),
      200,
    );

    writeFileSync(inFolder("tenants.yaml"), "tenants: { cms: ");
    process.kill(gateway.pid, "SIGHUP");
    await expect.poll(() => gateway.log()).toContain("what was read before still counts");
    expect(await statusOf(bobs)).toBe(200);

    const before = running.answers;
    await expect.poll(() => running.answers, { timeout: 60_000 }).toBeGreaterThan(before + 10);
    await running.end();
    expect([...running.outcomes]).toEqual([200]);
    expect(running.connections.size, [...running.connections].join(", ")).toBe(2);
    for (const [change, ms] of Object.entries(seen)) {
      expect(ms, `${change} counts after ${ms.toFixed(0)} ms`).toBeLessThan(WITHIN_MS);
    }
  });
});
