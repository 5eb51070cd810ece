/** Callers who can show a certificate, or come to a port of their own, and nothing else: CMSSW's jobs. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Issued, TestAuthority } from "../support/identity/authority.ts";
import {
  startTenantsGateway,
  type TenantsGateway,
  temporaryFolder,
} from "../support/identity/tenants-gateway.ts";

const INDEX = "/inference.GRPCInferenceService/RepositoryIndex";
const folder = temporaryFolder();
const inFolder = (name: string) => join(folder.path, name);
const clients: Client[] = [];
let root: TestAuthority;
let later: TestAuthority;
let server: Issued;
let served: TenantsGateway;

const TENANTS = `
tenants: { cms: { models: [simple] }, atlas: { models: ["atlas_*"] } }
identities:
  - { certificate: "/DC=ch/DC=cern/OU=cms/CN=*", tenant: cms, roles: [infer] }
  - { certificate: "CN=*,OU=atlas,DC=cern,DC=ch", tenant: atlas, roles: [infer] }
  - { listener: cms, tenant: cms, roles: [infer] }
  - { listener: sni, tenant: cms, roles: [infer] }
`;

beforeAll(async () => {
  root = new TestAuthority(folder.path, "root");
  later = new TestAuthority(folder.path, "later");
  server = root.server();
  copyFileSync(root.certPath, inFolder("roots.pem"));
  copyFileSync(server.certPath, inFolder("server.crt"));
  copyFileSync(server.keyPath, inFolder("server.key"));
  writeFileSync(inFolder("tenants.yaml"), TENANTS);
  served = await startTenantsGateway(
    folder.path,
    `
grpc: { tls: { useSsl: true, certPath: server.crt, keyPath: server.key, rootCertPath: roots.pem } }
auth: { listeners: [{ name: cms, grpcPort: 0 }, { name: sni, serverName: atlas.gate }] }
`,
  );
});
afterAll(async () => {
  for (const client of clients) client.close();
  await served?.stop();
  folder.remove();
});

interface Showing {
  readonly user?: Issued | undefined;
  readonly port?: number | undefined;
  /** What the client calls the server. */
  readonly serverName?: string;
  readonly trusts?: Buffer;
}

function connect({ user, port, serverName = "localhost", trusts }: Showing): Client {
  const channel = credentials.createSsl(
    trusts ?? readFileSync(root.certPath),
    user?.key,
    user?.cert,
  );
  const client = new Client(`127.0.0.1:${port ?? served.grpcPort}`, channel, {
    "grpc.ssl_target_name_override": serverName,
    "grpc.use_local_subchannel_pool": 1,
  });
  clients.push(client);
  return client;
}

const asIs = (bytes: Buffer) => bytes;
/** Names in the index, or why there is none. */
function index(client: Client, metadata = new Metadata()): Promise<string> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      INDEX,
      asIs,
      asIs,
      Buffer.alloc(0),
      metadata,
      { deadline: Date.now() + 30_000 },
      (error: ServiceError | null, answer?: Buffer) =>
        resolve(
          error
            ? `${error.code} ${error.details}`
            : answer?.includes("simple")
              ? "simple"
              : "nothing",
        ),
    );
  });
}

describe("a client certificate", () => {
  it("names the tenant: two experiments see two indexes", async () => {
    const cms = root.issue("/DC=ch/DC=cern/OU=cms/CN=alice");
    const atlas = root.issue("/DC=ch/DC=cern/OU=atlas/CN=bob");
    expect(await index(connect({ user: cms }))).toBe("simple");
    expect(await index(connect({ user: atlas }))).toBe("nothing");
  });

  // The gateway ended with an exception: its own process answers the second call.
  it("without a name is refused and harms nobody", async () => {
    expect(await index(connect({ user: root.issue("/") }))).toBe(
      "16 the certificate 'without a name' has no name that can be compared",
    );
    const alice = root.issue("/DC=ch/DC=cern/OU=cms/CN=alice");
    expect(await index(connect({ user: alice }))).toBe("simple");
  });

  it("of nobody's tenant is refused, by its name, also with the listener of one", async () => {
    const user = root.issue("/DC=ch/DC=cern/OU=lhcb/CN=carol");
    const text = "16 the certificate '/DC=ch/DC=cern/OU=lhcb/CN=carol' belongs to no tenant";
    expect(await index(connect({ user }))).toBe(text);
    expect(await index(connect({ user, port: served.listeners?.get("cms") }))).toBe(text);
  });

  it("of another authority, a proxy, and one for servers are refused in words", async () => {
    const alice = root.issue("/DC=ch/DC=cern/OU=cms/CN=alice");
    const proxy = root.proxyOf(alice, "/DC=ch/DC=cern/OU=cms/CN=alice");
    const forged = later.issue("/DC=ch/DC=cern/OU=cms/CN=alice");
    expect(await index(connect({ user: forged }))).toMatch(
      /^16 .*no authority of this gateway has signed it/,
    );
    expect(await index(connect({ user: proxy }))).toMatch(
      /^16 .*CN=12345' is a proxy \(RFC 3820\)/,
    );
    const wrong = root.issue("/DC=ch/DC=cern/OU=cms/CN=alice", "extendedKeyUsage=serverAuth");
    expect(await index(connect({ user: wrong }))).toMatch(
      /^16 .*CN=alice' is not accepted: it is not for clients/,
    );
  });

  it("whose time is over, or has not come, is refused in words", async () => {
    const subject = "/DC=ch/DC=cern/OU=cms/CN=alice";
    const expired = root.issueFor(subject, -3, -1);
    const early = root.issueFor(subject, 1, 2);
    expect(await index(connect({ user: expired }))).toMatch(/^16 .*CN=alice' .*it has expired/);
    expect(await index(connect({ user: early }))).toMatch(/^16 .*CN=alice' .*it is not valid yet/);
    expect(await index(connect({ user: root.issue(subject) }))).toBe("simple");
  });

  it("goes before a token, which is then not looked at", async () => {
    const metadata = new Metadata();
    metadata.set("authorization", "Bearer wrong");
    const user = root.issue("/DC=ch/DC=cern/OU=cms/CN=alice");
    expect(await index(connect({ user }), metadata)).toBe("simple");
    expect(await index(connect({}), metadata)).toMatch(/^16 /);
  });
});

describe("a caller with nothing to show", () => {
  it("is whose the port is, or the name it called", async () => {
    expect(await index(connect({}))).toMatch(/^16 nothing says who is calling/);
    expect(await index(connect({ port: served.listeners?.get("cms") }))).toBe("simple");
    expect(await index(connect({ serverName: "atlas.gate" }))).toBe("simple");
  });
});

describe("files that change while calls are under way", () => {
  it("count for whoever comes next, and cost nobody his connection or an answer", async () => {
    const user = root.issue("/DC=ch/DC=cern/OU=cms/CN=alice");
    const stays = connect({ user });
    expect(await index(stays)).toBe("simple");
    const newcomer = later.issue("/DC=ch/DC=cern/OU=cms/CN=dora");
    expect(await index(connect({ user: newcomer }))).toMatch(/^16 /);

    let over = false;
    const answers: string[] = [];
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!over) answers.push(await index(stays));
      }),
    );
    // Authorities, the server's own certificate, and the tenants, without a sign: they are looked at every second.
    const own = later.server();
    writeFileSync(inFolder("roots.pem"), readFileSync(later.certPath));
    copyFileSync(own.certPath, inFolder("server.crt"));
    copyFileSync(own.keyPath, inFolder("server.key"));
    const trusts = readFileSync(later.certPath);
    await expect
      .poll(() => index(connect({ user: newcomer, trusts })), { timeout: 60_000 })
      .toBe("simple");
    // Whoever held a ticket of the old authorities gets no session out of it.
    const old = root.issue("/DC=ch/DC=cern/OU=cms/CN=alice");
    expect(await index(connect({ user: old, trusts }))).toMatch(/^16 .*no authority/);

    writeFileSync(inFolder("tenants.yaml"), "tenants: { cms: ");
    await served.gateway.reload?.();
    expect(await index(stays)).toBe("simple");
    const before = answers.length;
    expect(before).toBeGreaterThan(4);
    expect(new Set(answers)).toEqual(new Set(["simple"]));
    over = true;
    await load;

    writeFileSync(inFolder("tenants.yaml"), TENANTS.replace("models: [simple]", "models: [else]"));
    await served.gateway.reload?.();
    expect(await index(stays)).toBe("nothing");
  });
});
