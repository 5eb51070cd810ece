/** A Redis that wants TLS, a certificate and a password: real ones, and whole gateways that have them right or wrong. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import { Link } from "../../src/shared-state/link.ts";
import { freePort } from "../support/free-port.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { type Issued, TestAuthority } from "../support/identity/authority.ts";
import { simpleRow } from "../support/identity/https-client.ts";
import { temporaryFolder } from "../support/identity/tenants-gateway.ts";
import { NO_REDIS, type RedisServer, startRedis } from "../support/redis/redis-server.ts";
import { redisSettings } from "../support/redis/redis-settings.ts";

const SECRET = "correct-horse-battery-staple";
const WRONG = "tr0ub4dor-and-three";

describe.skipIf(NO_REDIS)(`a secured Redis${NO_REDIS ? ` (${NO_REDIS})` : ""}`, () => {
  const folder = temporaryFolder();
  const inFolder = (name: string) => join(folder.path, name);
  const links: Link[] = [];
  const gateways: GatewayProcess[] = [];
  let root: TestAuthority;
  let other: TestAuthority;
  let own: Issued;
  let port: number;
  let redis: RedisServer;

  beforeAll(async () => {
    root = new TestAuthority(folder.path, "root");
    other = new TestAuthority(folder.path, "other");
    own = root.issue("/CN=gateway");
    const server = root.issue(
      "/CN=redis",
      "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth",
    );
    port = await freePort();
    redis = await startRedis({
      flags: [
        ...["--tls-port", `${port}`, "--tls-auth-clients", "yes"],
        ...["--tls-cert-file", server.certPath, "--tls-key-file", server.keyPath],
        ...["--tls-ca-cert-file", root.certPath],
      ],
    });
    // Whoever administers comes by the socket; over TLS nobody is anybody without a password.
    const rights = ["~{beamgate}:*", "&{beamgate}:*", "+@all", "-@admin", "-@dangerous", "+info"];
    redis.command("acl", "setuser", "beamgate", "on", `>${SECRET}`, ...rights);
    writeFileSync(inFolder("password"), `${SECRET}\n`);
    writeFileSync(inFolder("wrong"), WRONG);
  });
  afterEach(async () => {
    for (const link of links.splice(0)) link.close();
    for (const gateway of gateways.splice(0)) await gateway.stop();
  });
  afterAll(async () => {
    await redis?.remove();
    folder.remove();
  });

  const secured = (over: object = {}) => ({
    url: `rediss://localhost:${port}`,
    ...{ caPath: root.certPath, certPath: own.certPath, keyPath: own.keyPath },
    ...{ username: "beamgate", passwordFile: inFolder("password"), commandTimeoutMs: 1_000 },
    ...over,
  });

  function linkTo(over: object = {}) {
    const lines: string[] = [];
    const keep = (text: string) => void lines.push(text);
    const log = { debug: keep, info: keep, warn: keep, error: keep };
    const settings = redisSettings(secured(over));
    const link = new Link({ settings, now: () => performance.now(), log });
    links.push(link);
    return { link, lines };
  }

  it.each([
    ["by its name", {}],
    ["by its address", { url: "by address" }],
  ])("takes a gateway that calls it %s, and hears what it publishes", async (_what, over) => {
    const url = "url" in over ? { url: `rediss://127.0.0.1:${port}` } : {};
    const { link, lines } = linkTo(url);
    await link.open();
    const heard: string[] = [];
    await new Promise<void>((resolve) =>
      link.subscribe("news", (text) => heard.push(text), resolve),
    );
    await link.publish("news", "hello");
    await expect.poll(() => heard).toEqual(["hello"]);
    expect(link.state).toBe("up");
    expect(lines).toEqual(["Redis answers"]);
  });

  it.each([
    ["of another authority", () => ({ caPath: other.certPath }), /certificate/],
    [
      "that asks for a certificate of the gateway",
      () => ({ certPath: undefined, keyPath: undefined }),
      /\(tlsv13 alert certificate required\)/,
    ],
    ["that does not know the password", () => ({ passwordFile: inFolder("wrong") }), /WRONGPASS/],
    ["that does not know the user", () => ({ username: "nobody" }), /WRONGPASS/],
  ])("%s is away, and the log says why without a secret", async (_what, over, reason) => {
    const { link, lines } = linkTo(over());
    await link.open();
    const ask = () =>
      link.publish("news", "hello").then(
        () => "published",
        () => "refused",
      );
    await expect.poll(async () => [await ask(), lines.length]).toEqual(["refused", 1]);
    expect(link.state).not.toBe("up");
    expect(lines.join("\n")).toMatch(/^Redis is away \(.*\): inference goes on/);
    expect(lines.join("\n")).toMatch(reason);
    expect(lines.join("\n")).not.toMatch(new RegExp(`${SECRET}|${WRONG}`));
  });

  it("with a wrong password costs a gateway nothing but the others, until the file is put right", async () => {
    const passwordFile = inFolder("changing");
    writeFileSync(passwordFile, WRONG);
    const gateway = await startGateway({
      repositories: [join(packageRoot, "models")],
      flags: [
        ...["--model-control-mode", "explicit", "--load-model", "simple", "--log-verbose", "1"],
        ...["--redis-url", `rediss://localhost:${port}`, "--redis-ca-path", root.certPath],
        ...["--redis-cert-path", own.certPath, "--redis-key-path", own.keyPath],
        ...["--redis-username", "beamgate", "--redis-password-file", passwordFile],
      ],
    });
    gateways.push(gateway);
    await expect.poll(() => gateway.log()).toMatch(/Redis is away \(WRONGPASS/);
    const base = `http://127.0.0.1:${gateway.httpPort}/v2`;
    const body = JSON.stringify(simpleRow(1));
    const answer = await fetch(`${base}/models/simple/infer`, { method: "POST", body });
    expect(answer.status).toBe(200);
    expect((await fetch(`${base}/health/ready`)).status).toBe(200);
    const report = async () => (await (await fetch(`${base}/beamgate/gateways`)).json()) as object;
    expect(await report()).toMatchObject({ redis: "down" });
    writeFileSync(passwordFile, SECRET);
    await expect.poll(report, { timeout: 60_000 }).toMatchObject({ redis: "up" });
    expect(gateway.log()).toMatch(/Redis answers again, after/);
    expect(gateway.log()).not.toMatch(new RegExp(`${SECRET}|${WRONG}`));
  });
});
