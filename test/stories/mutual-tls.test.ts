/** Certificates whose time is over, or has not come, at ports that let nobody in without a valid one. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { type Issued, TestAuthority } from "../support/identity/authority.ts";
import { httpsClient, simpleRow } from "../support/identity/https-client.ts";
import { temporaryFolder } from "../support/identity/tenants-gateway.ts";

const INDEX = "/inference.GRPCInferenceService/RepositoryIndex";
const folder = temporaryFolder();
let root: TestAuthority;
let alice: Issued;
let gateway: GatewayProcess;

beforeAll(async () => {
  root = new TestAuthority(folder.path, "root");
  const server = root.server();
  alice = root.issue("/DC=ch/CN=alice");
  const tenantsFile = join(folder.path, "tenants.yaml");
  writeFileSync(
    tenantsFile,
    'tenants: { cms: {} }\nidentities: [{ certificate: "/DC=ch/CN=*", tenant: cms, roles: [infer] }]\n',
  );
  const files = (port: string) => [
    ...[`--${port}-use-ssl-mutual`, "--exit-timeout-secs", "5"],
    ...[`--${port}-server-cert`, server.certPath, `--${port}-server-key`, server.keyPath],
    ...[`--${port}-root-cert`, root.certPath],
  ];
  gateway = await startGateway({
    repositories: [join(packageRoot, "models")],
    flags: [
      ...[...files("grpc"), ...files("http"), "--tenants-file", tenantsFile],
      ...["--model-control-mode", "explicit", "--load-model", "simple"],
    ],
  });
});
afterAll(async () => {
  await gateway?.stop();
  folder.remove();
});

/** `answered`, or the code of the error. */
function byGrpc(user?: Issued): Promise<string> {
  const channel = credentials.createSsl(readFileSync(root.certPath), user?.key, user?.cert);
  const client = new Client(`localhost:${gateway.grpcPort}`, channel, {
    "grpc.use_local_subchannel_pool": 1,
  });
  const asIs = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    const ended = (error: ServiceError | null) => {
      client.close();
      resolve(error ? `${error.code}` : "answered");
    };
    const deadline = Date.now() + 10_000;
    client.makeUnaryRequest(INDEX, asIs, asIs, Buffer.alloc(0), { deadline }, ended);
  });
}

async function byHttps(user?: Issued): Promise<string> {
  const trusts = readFileSync(root.certPath);
  const client = httpsClient({ port: gateway.httpPort, trusts, user });
  try {
    const { status } = await client.ask("/v2/models/simple/infer", simpleRow(1));
    return status === 200 ? "answered" : `${status}`;
  } catch {
    return "no connection";
  } finally {
    client.close();
  }
}

const refusals = (reason: string) =>
  gateway.log().match(new RegExp(`TLS handshake is refused: .*${reason}`, "g"))?.length ?? 0;

describe.each([
  ["gRPC", byGrpc, "14"],
  ["HTTP", byHttps, "no connection"],
] as const)("at the %s port", (port, ask, refused) => {
  it.each([
    ["that has expired", "it has expired", () => root.issueFor("/DC=ch/CN=alice", -3, -1)],
    ["that is not valid yet", "it is not valid yet", () => root.issueFor("/DC=ch/CN=alice", 1, 2)],
  ])(
    "a certificate %s is refused in the handshake; whoever comes at the same moment is not",
    async (_what, reason, make) => {
      const late = make();
      const before = refusals(reason);
      const users = [alice, late, alice, late, alice];
      const outcomes = await Promise.all(users.map((user) => ask(user)));
      expect(outcomes).toEqual(["answered", refused, "answered", refused, "answered"]);
      // One line for each reason and port, however many knock.
      await expect.poll(() => refusals(reason)).toBe(before + 1);
      expect(gateway.log()).toContain(
        `${port}: a TLS handshake is refused: the client's certificate is not accepted: ${reason}`,
      );
    },
  );

  it("and so is a client without one", async () => {
    expect(await Promise.all([ask(), ask(alice)])).toEqual([refused, "answered"]);
    await expect
      .poll(() => gateway.log())
      .toContain(`${port}: a TLS handshake is refused: the client shows no certificate`);
  });
});
