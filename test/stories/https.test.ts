/** The HTTP port over TLS: who calls is found out as on gRPC, and its files change without a sign to anybody. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newApiKey } from "../../src/tenants/api-keys.ts";
import { type Issued, TestAuthority } from "../support/identity/authority.ts";
import { type HttpsClient, httpsClient, simpleRow } from "../support/identity/https-client.ts";
import {
  startTenantsGateway,
  type TenantsGateway,
  temporaryFolder,
} from "../support/identity/tenants-gateway.ts";
import { runCli } from "../support/run-cli.ts";

const INFER = "/v2/models/simple/infer";
const INDEX = "/v2/repository/index";
const folder = temporaryFolder();
const inFolder = (name: string) => join(folder.path, name);
const operator = newApiKey();
const clients: HttpsClient[] = [];
let root: TestAuthority;
let later: TestAuthority;
let alice: Issued;
let bob: Issued;
let served: TenantsGateway;

const TENANTS = `
tenants: { cms: { models: [simple] }, atlas: { models: ["atlas_*"] } }
identities:
  - { certificate: "/DC=ch/DC=cern/OU=cms/CN=*", tenant: cms, roles: [infer, observe] }
  - { certificate: "/DC=ch/DC=cern/OU=atlas/CN=*", tenant: atlas, roles: [infer] }
  - { key: operator, keyFile: operator.key, tenant: cms, roles: [observe, operate] }
  - { listener: sni, tenant: cms, roles: [infer] }
`;

beforeAll(async () => {
  root = new TestAuthority(folder.path, "root");
  later = new TestAuthority(folder.path, "later");
  alice = root.issue("/DC=ch/DC=cern/OU=cms/CN=alice");
  bob = root.issue("/DC=ch/DC=cern/OU=atlas/CN=bob");
  const server = root.server();
  copyFileSync(root.certPath, inFolder("roots.pem"));
  copyFileSync(server.certPath, inFolder("server.crt"));
  copyFileSync(server.keyPath, inFolder("server.key"));
  writeFileSync(inFolder("operator.key"), operator.line);
  writeFileSync(inFolder("tenants.yaml"), TENANTS);
  served = await startTenantsGateway(
    folder.path,
    `
http: { tls: { useSsl: true, certPath: server.crt, keyPath: server.key, rootCertPath: roots.pem } }
auth: { listeners: [{ name: sni, serverName: atlas.gate }] }
`,
  );
});
afterAll(async () => {
  for (const client of clients) client.close();
  await served?.stop();
  folder.remove();
});

function connect(user?: Issued, more: { serverName?: string; trusts?: Buffer } = {}): HttpsClient {
  const trusts = readFileSync(root.certPath);
  const client = httpsClient({ port: served.httpPort, trusts, user, ...more });
  clients.push(client);
  return client;
}

describe("a client certificate over HTTPS", () => {
  it("names the tenant on either lane: two experiments see two indexes and their models only", async () => {
    const cms = connect(alice);
    const atlas = connect(bob);
    // The first is answered by the direct lane, the second hands the connection over to Node.
    const inferred = await cms.ask(INFER, simpleRow(4));
    const index = await cms.ask(INDEX, {});
    expect(inferred).toMatchObject({ status: 200, body: expect.stringContaining('"data":[8,8') });
    expect(index.body).toContain("simple");
    expect(index.from).toBe(inferred.from);
    expect((await cms.ask(INFER, simpleRow(5))).body).toContain('"data":[10,10');
    expect(await atlas.ask(INFER, simpleRow(4))).toMatchObject({
      status: 404,
      body: expect.stringContaining("unknown model: 'simple'"),
    });
    expect((await atlas.ask(INDEX, {})).body).toBe("[]");
  });

  it("that does not count is refused in words, whatever else is shown", async () => {
    const forged = later.issue("/DC=ch/DC=cern/OU=cms/CN=alice");
    const nobody = root.issue("/DC=ch/DC=cern/OU=lhcb/CN=carol");
    const expired = root.issueFor("/DC=ch/DC=cern/OU=cms/CN=alice", -3, -1);
    const headers = { "x-api-key": operator.key };
    expect(await connect(expired).ask(INFER, simpleRow(1), headers)).toMatchObject({
      status: 401,
      body: expect.stringContaining("it has expired"),
    });
    for (const path of [INFER, INDEX]) {
      expect(await connect(forged).ask(path, simpleRow(1), headers)).toMatchObject({
        status: 401,
        body: expect.stringContaining("no authority of this gateway has signed it"),
      });
      expect(await connect(nobody).ask(path, simpleRow(1), headers)).toMatchObject({
        status: 401,
        body: expect.stringContaining("CN=carol' belongs to no tenant"),
      });
    }
  });

  it("may be left out: then a key counts, the name that was called, or nothing", async () => {
    const key = { "x-api-key": operator.key };
    expect((await connect().ask("/v2/beamgate/devices", undefined, key)).status).toBe(200);
    const bySni = connect(undefined, { serverName: "atlas.gate" });
    expect((await bySni.ask(INFER, simpleRow(1))).status).toBe(200);
    expect((await bySni.ask(INDEX, {})).body).toContain("simple");
    expect(await connect().ask(INFER, simpleRow(1))).toMatchObject({
      status: 401,
      body: expect.stringContaining("nothing says who is calling"),
    });
  });
});

describe("what comes over TLS", () => {
  it("may come in any pieces, many at once, and is answered in its order", async () => {
    const socket = connectTls({
      ...{ host: "127.0.0.1", port: served.httpPort, servername: "localhost" },
      ...{ ca: readFileSync(root.certPath), cert: alice.cert, key: alice.key },
    });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    let told = "";
    socket.on("data", (piece: Buffer) => {
      told += piece.toString();
    });
    const request = (value: number) => {
      const body = JSON.stringify(simpleRow(value));
      return `POST ${INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    };
    const all = Array.from({ length: 20 }, (_, at) => request(at + 1)).join("");
    const stats = "GET /v2/models/simple/ready HTTP/1.1\r\nHost: x\r\n\r\n";
    const bytes = Buffer.from(all + stats + request(50));
    for (let at = 0; at < bytes.length; at += 777) socket.write(bytes.subarray(at, at + 777));
    await expect.poll(() => told.match(/HTTP\/1\.1 200/g)?.length, { timeout: 60_000 }).toBe(22);
    const order = [...told.matchAll(/"data":\[(\d+),/g)].map(([, value]) => Number(value));
    expect(order).toEqual([...Array.from({ length: 20 }, (_, at) => 2 * (at + 1)), 100]);
    socket.destroy();
  });

  it("may be a body of megabytes", async () => {
    const body = JSON.stringify(simpleRow(6)) + " ".repeat(3 * 2 ** 20);
    expect(await connect(alice).ask(INFER, body)).toMatchObject({
      status: 200,
      body: expect.stringContaining('"data":[12,12'),
    });
  });

  it("is refused without TLS, and so is a client that will not speak HTTP/1.1", async () => {
    const plain = connectPlain(served.httpPort ?? 0, "127.0.0.1");
    plain.write("GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n");
    const told = await new Promise<string>((resolve) => {
      let text = "";
      plain.on("data", (piece: Buffer) => {
        text += piece.toString("latin1");
      });
      plain.on("error", () => resolve(text));
      plain.on("close", () => resolve(text));
    });
    expect(told).not.toContain("200");
    const h2 = connectTls({
      ...{ host: "127.0.0.1", port: served.httpPort, servername: "localhost" },
      ...{ ca: readFileSync(root.certPath), ALPNProtocols: ["h2"] },
    });
    const refused = await new Promise<Error>((resolve) => h2.once("error", resolve));
    expect(refused.message).toMatch(/no application protocol/i);
    expect((await connect(alice).ask("/v2/health/live")).status).toBe(200);
  });
});

describe("the command line", () => {
  const gateways = (...flags: string[]) =>
    runCli(["gateways", "ls", "--url", `https://localhost:${served.httpPort}`, ...flags]);
  const trusting = () => ["--cacert", root.certPath];

  it("shows its certificate, and is whom it names", async () => {
    const own = ["--cert", alice.certPath, "--key", alice.keyPath];
    expect(await gateways(...trusting(), ...own)).toMatchObject({ exitCode: 0, err: "" });
    const { exitCode, err } = await gateways(
      ...trusting(),
      ...["--cert", bob.certPath, "--key", bob.keyPath],
    );
    expect(exitCode).toBe(3);
    expect(err).toContain("/DC=ch/DC=cern/OU=atlas/CN=bob of tenant atlas has infer");
  });

  it("takes them from the environment as well", async () => {
    const env = {
      BEAMGATE_URL: `https://localhost:${served.httpPort}`,
      BEAMGATE_CACERT: root.certPath,
      BEAMGATE_CERT: alice.certPath,
      BEAMGATE_KEY: alice.keyPath,
    };
    expect(await runCli(["gateways", "ls"], env)).toMatchObject({ exitCode: 0 });
  });

  it("trusts nobody else, and says what to do", async () => {
    expect(await gateways()).toMatchObject({
      exitCode: 4,
      err: expect.stringMatching(/no safe connection to https:.*--cacert/),
    });
    expect(await gateways("--cacert", later.certPath)).toMatchObject({ exitCode: 4 });
    const other = ["--url", `https://127.0.0.2:${served.httpPort}`, ...trusting()];
    expect((await runCli(["gateways", "ls", ...other])).exitCode).toBe(4);
    expect(await gateways(...trusting(), "--key", alice.keyPath)).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining("name it with --cert"),
    });
    expect(await gateways("--cacert", inFolder("tenants.yaml"))).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining("is no PEM file"),
    });
    const plain = ["gateways", "ls", "--url", `http://127.0.0.1:${served.metricsPort}`];
    expect(await runCli([...plain, ...trusting()])).toMatchObject({ exitCode: 2 });
    const wrong = ["gateways", "ls", "--url", `https://127.0.0.1:${served.metricsPort}`];
    expect(await runCli(wrong)).toMatchObject({
      exitCode: 4,
      err: expect.stringContaining("it may speak http only"),
    });
  });
});

describe("files that change while requests are under way", () => {
  it("count for whoever comes next, and cost nobody his connection or an answer", async () => {
    const newcomer = later.issue("/DC=ch/DC=cern/OU=cms/CN=dora");
    expect((await connect(newcomer).ask(INFER, simpleRow(1))).status).toBe(401);
    let over = false;
    const statuses = new Set<number>();
    const connections = new Set<number | undefined>();
    let answers = 0;
    const load = Promise.all(
      [INFER, INDEX, INFER, INDEX].map(async (path) => {
        const stays = connect(alice);
        while (!over) {
          const { status, from } = await stays.ask(path, simpleRow(1));
          statuses.add(status);
          connections.add(from);
          answers++;
        }
      }),
    );
    const own = later.server();
    // The new certificate with the old key: looked at, told, and not taken.
    copyFileSync(own.certPath, inFolder("server.crt"));
    await served.gateway.reload?.();
    expect((await connect(bob).ask(INDEX, {})).status).toBe(200);
    copyFileSync(own.keyPath, inFolder("server.key"));
    writeFileSync(inFolder("roots.pem"), readFileSync(later.certPath));
    const trusts = readFileSync(later.certPath);
    await expect
      .poll(
        () =>
          connect(newcomer, { trusts })
            .ask(INFER, simpleRow(1))
            .then(({ status }) => status, String),
        { timeout: 60_000 },
      )
      .toBe(200);
    expect(await connect(alice, { trusts }).ask(INFER, simpleRow(1))).toMatchObject({
      status: 401,
      body: expect.stringContaining("no authority"),
    });
    const before = answers;
    await expect.poll(() => answers).toBeGreaterThan(before + 4);
    over = true;
    await load;
    expect([...statuses]).toEqual([200]);
    expect(connections.size).toBe(4);
  });
});
