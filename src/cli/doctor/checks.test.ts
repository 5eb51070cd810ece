/** What `doctor` says of certificates, tenants, Redis, devices and the clock. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Issued, TestAuthority } from "../../../test/support/identity/authority.ts";
import { NO_REDIS, startRedis } from "../../../test/support/redis/redis-server.ts";
import { loadConfig } from "../../config/load.ts";
import { newApiKey } from "../../tenants/api-keys.ts";
import { checkCertificates } from "./certificates.ts";
import { judgeClock } from "./clock.ts";
import { checkDevices } from "./devices.ts";
import { checkTenants } from "./identity.ts";
import { checkWritable } from "./places.ts";
import { checkRedis } from "./shared-redis.ts";

const DAY_MS = 86_400_000;
let folder: string;
const inFolder = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-doctor-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("certificates", () => {
  let authority: TestAuthority;
  let other: TestAuthority;
  let server: Issued;
  beforeAll(() => {
    authority = new TestAuthority(folder, "root");
    other = new TestAuthority(folder, "other");
    server = authority.server();
    chmodSync(server.keyPath, 0o600);
  });
  const checked = async (files: Parameters<typeof checkCertificates>[1], nowMs?: number) =>
    (await checkCertificates("grpc.tls", files, nowMs)).map(({ level, found, remedy = "" }) => {
      return `${level}: ${found}${remedy && ` -> ${remedy}`}`;
    });
  const chainOf = (...paths: string[]) => {
    const path = inFolder(`chain-${paths.length}-${Math.random()}.pem`);
    writeFileSync(path, paths.map((each) => readFileSync(each, "utf8")).join(""));
    return path;
  };

  it("that run out in days are worth a warning, after that a failure", async () => {
    const { certPath, keyPath } = server;
    expect(await checked({ certPath, keyPath })).toEqual([
      expect.stringMatching(/^warn: '\/CN=localhost' expires in 0 days, on \d{4}-.* -> renew it$/),
      "ok: the key of the certificate",
    ]);
    const [late] = await checked({ certPath }, Date.now() + 2 * DAY_MS);
    expect(late).toMatch(/^fail: '\/CN=localhost' expired on .* -> renew it$/);
    const [early] = await checked({ certPath }, Date.now() - 2 * DAY_MS);
    expect(early).toMatch(/^fail: .* is valid from .* -> look at the clock/);
  });

  it("with a long life are fine, and it is said how far the chain goes", async () => {
    const [certPath, keyPath] = [inFolder("long.pem"), inFolder("long.key")];
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
        ...["-keyout", keyPath, "-out", certPath, "-subj", "/CN=long", "-days", "400"],
      ],
      { stdio: "pipe" },
    );
    const [own] = await checked({ certPath });
    expect(own).toMatch(/^ok: valid until \d{4}-\d\d-\d\d, 1 in the file, up to its root$/);
  });

  it("in the wrong order, or of somebody else, break the chain", async () => {
    const right = chainOf(server.certPath, authority.certPath);
    expect((await checked({ certPath: right }))[0]).toMatch(/^warn: '\/CN=localhost' expires in/);
    const foreign = await checked({ certPath: chainOf(server.certPath, other.certPath) });
    expect(foreign[0]).toMatch(
      /^warn: '\/DC=ch\/CN=other' did not sign '\/CN=localhost' before it/,
    );
    const turned = await checked({ certPath: chainOf(authority.certPath, server.certPath) });
    expect(turned[0]).toMatch(/^warn: '\/CN=localhost' did not sign '\/DC=ch\/CN=root' before it/);
  });

  it("with the key of another one, without one, or with one that all may read", async () => {
    const { certPath } = server;
    const { keyPath } = authority.server();
    expect((await checked({ certPath, keyPath }))[1]).toMatch(/^fail: not the key of the cert/);
    expect((await checked({ certPath, keyPath: certPath }))[1]).toMatch(/^fail: .* -> name the/);
    chmodSync(server.keyPath, 0o644);
    expect((await checked({ certPath, keyPath: server.keyPath }))[1]).toMatch(
      /^warn: everybody on this machine may read it -> chmod o-rwx /,
    );
  });

  it("that are none", async () => {
    writeFileSync(inFolder("none.pem"), "hello");
    for (const certPath of [inFolder("none.pem"), inFolder("not-there.pem")]) {
      expect((await checked({ certPath }))[0]).toMatch(/^fail: .* -> name a PEM file/);
    }
  });

  it("of authorities", async () => {
    const rootCertPath = authority.certPath;
    expect(await checked({ rootCertPath })).toEqual(["ok: 1 authorities"]);
    const [late] = await checked({ rootCertPath }, Date.now() + 5 * DAY_MS);
    expect(late).toMatch(/^warn: expired: 1 of 1, such as '\/DC=ch\/CN=root' -> renew them/);
    const [user] = await checked({ rootCertPath: server.certPath });
    expect(user).toMatch(/^warn: no authority: 1 of 1/);
  });
});

describe("tenants", () => {
  const written = (text: string) => {
    writeFileSync(inFolder("tenants.yaml"), text);
    return checkTenants(inFolder("tenants.yaml"));
  };

  it("are counted, and their files are read", async () => {
    writeFileSync(inFolder("cms.keys"), `${newApiKey().line}\n`);
    const findings = await written(
      "tenants: { cms: {} }\nidentities: [{ key: a, keyFile: cms.keys, tenant: cms, roles: [infer] }]\n",
    );
    expect(findings.map(({ level, found }) => [level, found])).toEqual([
      ["ok", "1 tenants, 1 rules"],
      ["ok", "1 keys"],
    ]);
  });

  it("that nobody can be, and keys that are not there, are told with a remedy", async () => {
    const findings = await written(
      "tenants: { cms: {}, atlas: {} }\nidentities: [{ key: a, keyFile: no.keys, tenant: cms, roles: [infer] }]\n",
    );
    expect(findings).toMatchObject([
      { level: "warn", found: expect.stringContaining("nobody can be atlas") },
      { level: "fail", remedy: expect.stringContaining("beamgate key new --file") },
    ]);
  });

  it("are known by an issuer whose authorities are looked at, too", async () => {
    const root = new TestAuthority(folder, "issuer");
    const issuer = (caFile: string) =>
      written(
        "tenants: {}\nissuers: { i: { url: 'https://i/', profile: iam, audiences: [g], caFile: CA } }\n".replace(
          "CA",
          caFile,
        ),
      );
    expect((await issuer(root.certPath))[1]).toMatchObject({
      level: "ok",
      found: expect.stringContaining("CN=issuer"),
    });
    writeFileSync(inFolder("empty.pem"), "");
    for (const path of ["gone.pem", "empty.pem"]) {
      expect((await issuer(path))[1]).toMatchObject({ level: "fail" });
    }
  });

  it("in a broken file fail with the reason", async () => {
    expect(await written("tenants: { cms: ")).toMatchObject([{ level: "fail" }]);
    expect(await checkTenants(undefined)).toMatchObject([{ level: "ok" }]);
  });
});

const redisSettings = (url: string | undefined) =>
  loadConfig({
    flags: new Map(),
    env: { ...(url && { BEAMGATE_REDIS_URL: url }) },
    file: undefined,
  }).config.redis;

describe("Redis", () => {
  it("is not asked for", async () => {
    expect(await checkRedis(redisSettings(undefined))).toMatchObject([{ level: "ok" }]);
  });

  it.skipIf(NO_REDIS)("that answers is told with its version, and its clock compared", async () => {
    const redis = await startRedis();
    try {
      const findings = await checkRedis(redisSettings(redis.url));
      expect(findings.map(({ check }) => check)).toEqual([`redis ${redis.url}`, "clock and Redis"]);
      expect(findings[0]?.found).toMatch(/^Redis \d+\.\d+\.\d+, master, .* answers in [\d.]+ ms$/);
      expect(findings[1]).toMatchObject({ level: "ok" });
      redis.command("replicaof", "127.0.0.1", "1");
      expect((await checkRedis(redisSettings(redis.url)))[0]).toMatchObject({
        level: "warn",
        remedy: expect.stringContaining("name the master"),
      });
    } finally {
      await redis.remove();
    }
  });

  it("that is away is worth a warning: the gateway serves without", async () => {
    expect(await checkRedis(redisSettings("redis://127.0.0.1:1"))).toMatchObject([
      { level: "warn", remedy: expect.stringContaining("redis.url") },
    ]);
  });
});

describe("devices", () => {
  it("of a backend that cannot work are told with its reason, of one that is none with its name", async () => {
    const nowhere = { server: ["127.0.0.1:1"] };
    const [remote] = await checkDevices([{ kind: "remote", options: nowhere }]);
    expect(remote).toMatchObject({
      level: "fail",
      check: "devices of remote",
      found: expect.stringContaining("server"),
      remedy: expect.stringContaining("servers"),
    });
    expect(await checkDevices([{ kind: "abacus" }])).toMatchObject([
      { level: "fail", found: expect.stringContaining("abacus") },
    ]);
    expect(await checkDevices([])).toMatchObject([{ level: "ok" }]);
  }, 120_000);
});

describe("folders that are written", () => {
  it("are there, will be made, or cannot be", async () => {
    mkdirSync(inFolder("there"));
    writeFileSync(inFolder("file"), "");
    expect(await checkWritable("registry.folder", inFolder("there"))).toMatchObject({
      level: "ok",
    });
    expect((await checkWritable("registry.folder", inFolder("new"))).found).toBe(
      "made at the start",
    );
    for (const path of ["file", "no/where/at/all"]) {
      expect((await checkWritable("registry.folder", inFolder(path))).level).toBe("fail");
    }
  });
});

describe("the clock", () => {
  it.each([
    [5, undefined, "ok"],
    [5, true, "ok"],
    [5, false, "warn"],
    [-5, true, "fail"],
  ] as const)("%i days after the installation, kept: %s, is %s", (days, kept, level) => {
    const installed = Date.parse("2026-01-01");
    expect(judgeClock(installed + days * DAY_MS, installed, kept).level).toBe(level);
  });
});
