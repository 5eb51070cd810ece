/** `beamgate who`: a caller asks whom the gateway takes him for, by everything that names one. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gatewayAddress } from "../../src/cli/gateway-address.ts";
import type { WhoReport } from "../../src/inference/who-report.ts";
import { newApiKey } from "../../src/tenants/api-keys.ts";
import { type Issued, TestAuthority } from "../support/identity/authority.ts";
import { httpsClient } from "../support/identity/https-client.ts";
import { TestIssuer } from "../support/identity/issuer.ts";
import {
  startTenantsGateway,
  type TenantsGateway,
  temporaryFolder,
} from "../support/identity/tenants-gateway.ts";
import { runCli } from "../support/run-cli.ts";

const folder = temporaryFolder();
const inFolder = (name: string) => join(folder.path, name);
const key = newApiKey();
let root: TestAuthority;
let alice: Issued;
let issuer: TestIssuer;
let served: TenantsGateway;

beforeAll(async () => {
  root = new TestAuthority(folder.path, "root");
  alice = root.issue("/DC=ch/OU=cms/CN=alice");
  issuer = await TestIssuer.create("https://auth.example/", { one: "ES256" });
  const server = root.server();
  writeFileSync(inFolder("keys.jwks"), await issuer.jwks());
  writeFileSync(inFolder("monitor.keys"), key.line);
  writeFileSync(inFolder("monitor.key"), `${key.key}\n`);
  writeFileSync(
    inFolder("tenants.yaml"),
    `
tenants: { cms: { models: ["jets*", simple] }, atlas: {}, lhcb: {}, guests: { models: [simple] } }
issuers: { iam: { url: "https://auth.example/", profile: wlcg, jwksFile: keys.jwks, audiences: [gate] } }
identities:
  - { certificate: "/DC=ch/OU=cms/CN=*", tenant: cms, roles: [infer, observe] }
  - { issuer: iam, group: /atlas, tenant: atlas, roles: [operate] }
  - { key: monitor, keyFile: monitor.keys, tenant: lhcb, roles: [register] }
  - { listener: sni, tenant: guests, roles: [infer] }
anonymous: { tenant: guests, roles: [observe] }
`,
  );
  const { certPath, keyPath } = server;
  const tls = { useSsl: true, certPath, keyPath, rootCertPath: root.certPath };
  const listeners = [{ name: "sni", serverName: "atlas.gate" }];
  served = await startTenantsGateway(
    folder.path,
    JSON.stringify({ http: { tls }, auth: { listeners } }),
  );
});
afterAll(async () => {
  await served?.stop();
  folder.remove();
});

/** With nothing of this machine's user: no token of his is found. */
const who = (...flags: string[]) =>
  runCli(
    [
      ...["who", "--url", `https://localhost:${served.httpPort}`, "--cacert", root.certPath],
      ...flags,
    ],
    { XDG_RUNTIME_DIR: folder.path },
  );
const token = (claims: object = {}) =>
  issuer.token(Math.floor(Date.now() / 1000), {
    claims: { aud: "gate", "wlcg.groups": ["/atlas"], sub: "bob", ...claims },
  });

describe("whoever asks who he is", () => {
  it("is named by his certificate, whatever else he shows", async () => {
    const own = ["--cert", alice.certPath, "--key", alice.keyPath];
    const expected =
      "you are      /DC=ch/OU=cms/CN=alice\nby           certificate\nof tenant    cms\n" +
      "and may      infer, observe\nwith models  jets*, simple\n";
    expect(await who(...own)).toEqual({ exitCode: 0, out: expected, err: "" });
    expect((await who(...own, "--token", await token())).out).toBe(expected);
  });

  it.each([
    [
      "his token",
      async () => ["--token", await token()],
      { how: "token", subject: "https://auth.example/ bob", tenant: "atlas", roles: ["operate"] },
    ],
    [
      "his key",
      async () => ["--api-key-file", inFolder("monitor.key")],
      { how: "key", subject: "key:monitor", tenant: "lhcb", roles: ["register"] },
    ],
    [
      "nothing, where that is allowed",
      async () => [],
      { how: "anonymous", subject: "anonymous", tenant: "guests", roles: ["observe"] },
    ],
  ])("is named by %s", async (_what, flags, expected) => {
    const { out, err, exitCode } = await who(...(await flags()), "-o", "json");
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    expect(JSON.parse(out)).toMatchObject({ asked: true, ...expected });
  });

  it("is named by the name that he called", async () => {
    const trusts = readFileSync(root.certPath);
    const client = httpsClient({ port: served.httpPort, trusts, serverName: "atlas.gate" });
    const { body } = await client.ask("/v2/beamgate/who");
    client.close();
    expect(JSON.parse(body) as WhoReport).toEqual({
      ...{ asked: true, how: "listener", subject: "listener:sni", tenant: "guests" },
      ...{ roles: ["infer"], models: ["simple"] },
    });
  });

  it("hears why it does not count, and never sees his secrets again", async () => {
    const expired = await token({ exp: Math.floor(Date.now() / 1000) - 3_600 });
    const stranger = await token({ "wlcg.groups": ["/lhcb"] });
    const refused = await Promise.all([
      who("--token", expired),
      who("--token", stranger),
      who("--token", `${stranger.slice(0, -4)}AAAA`),
    ]);
    expect(refused.map(({ exitCode }) => exitCode)).toEqual([3, 3, 3]);
    expect(refused[0]?.err).toContain("the token is not accepted: it has expired");
    expect(refused[1]?.err).toContain("belongs to no tenant: its groups are /lhcb");
    expect(refused[2]?.err).toContain("its signature is wrong");
    for (const { err } of refused) expect(err).not.toContain(stranger.split(".")[1]);
  });
});

describe("a key in a file", () => {
  it.each([
    ["is not there", "gone.key", /--api-key-file cannot be read: ENOENT/],
    ["holds more than a key", "tenants.yaml", /holds no API key/],
  ])("that %s is a wrong use", async (_what, name, text) => {
    expect(await who("--api-key-file", inFolder(name))).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(text),
    });
  });

  it("goes to nobody where everybody on the way could read it", async () => {
    let err = "";
    const io = {
      ...{ out: () => undefined, env: {}, colour: false },
      err: (text: string) => {
        err += text;
      },
    };
    const apiKeyFile = inFolder("monitor.key");
    const shown = async (url: string) => (await gatewayAddress({ url, apiKeyFile }, io)).apiKey;
    expect(await shown("http://127.0.0.1:8000")).toBe(key.key);
    expect(await shown("https://gate.example")).toBe(key.key);
    expect(err).toBe("");
    expect(await shown("http://gate.example")).toBeUndefined();
    expect(err).toMatch(/^warning: the API key of --api-key-file is not sent to gate\.example/);
  });
});
