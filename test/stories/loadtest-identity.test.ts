/** `beamgate loadtest` over TLS, each experiment as itself: by certificate, by token, by key. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Result, readResult } from "../../loadtest/report/schema.ts";
import type { HourlyUsage } from "../../src/inference/usage.ts";
import { packageRoot } from "../../src/package-root.ts";
import { newApiKey } from "../../src/tenants/api-keys.ts";
import { type Issued, TestAuthority } from "../support/identity/authority.ts";
import { TestIssuer } from "../support/identity/issuer.ts";
import {
  startTenantsGateway,
  type TenantsGateway,
  temporaryFolder,
} from "../support/identity/tenants-gateway.ts";

const STORY_MS = 120_000;
const folder = temporaryFolder();
const inFolder = (name: string) => join(folder.path, name);
const keys = { lhcb: newApiKey(), operator: newApiKey() };
let root: TestAuthority;
let alice: Issued;
let token: string;
let served: TenantsGateway;
/** Encrypts what the gateway's HTTP port does not, as a proxy in front of it would. */
let https: Server;

const TENANTS = `
tenants: { cms: { models: [simple] }, atlas: {}, lhcb: {} }
issuers:
  iam: { url: "https://atlas-auth.example/", profile: wlcg, jwksFile: atlas.jwks, audiences: ["grpcs://gate:8001"] }
identities:
  - { certificate: "/DC=ch/OU=cms/CN=*", tenant: cms, roles: [infer] }
  - { issuer: iam, group: /cms, tenant: atlas, roles: [infer] }
  - { key: lhcb, keyFile: lhcb.key, tenant: lhcb, roles: [infer] }
  - { key: operator, keyFile: operator.key, tenant: lhcb, roles: [observe, operate] }
`;

const SCENARIO = `
name: three
title: three experiments, each as itself
durationS: 1
warmupS: 0
arrivals: { kind: constant, perSecond: 30 }
streams:
  - { name: by-certificate, model: simple, tenant: cms, payload: { kind: random, pool: 4 } }
  - { name: by-token, model: simple, tenant: atlas, payload: { kind: random, pool: 4 } }
  - { name: by-key, model: simple, tenant: lhcb, payload: { kind: random, pool: 4 } }
tenants:
  cms: { certificate: { chain: alice.pem, key: alice.key } }
  atlas: { headers: { Authorization: Bearer $ATLAS_TOKEN } }
  lhcb: { headers: { x-api-key: $LHCB_KEY } }
objectives: ["failed <= 0 %"]
`;

beforeAll(async () => {
  root = new TestAuthority(folder.path, "root");
  alice = root.issue("/DC=ch/OU=cms/CN=alice");
  const server = root.server();
  writeFileSync(inFolder("alice.pem"), alice.cert);
  writeFileSync(inFolder("alice.key"), alice.key);
  const issuer = await TestIssuer.create("https://atlas-auth.example/", { one: "ES256" });
  token = await issuer.token(Math.floor(Date.now() / 1000));
  writeFileSync(inFolder("atlas.jwks"), await issuer.jwks());
  writeFileSync(inFolder("lhcb.key"), keys.lhcb.line);
  writeFileSync(inFolder("operator.key"), keys.operator.line);
  writeFileSync(inFolder("tenants.yaml"), TENANTS);
  writeFileSync(inFolder("three.yaml"), SCENARIO);
  const { certPath, keyPath } = server;
  const tls = { useSsl: true, certPath, keyPath, rootCertPath: root.certPath };
  served = await startTenantsGateway(folder.path, JSON.stringify({ grpc: { tls } }));
  https = createServer({ cert: server.cert, key: server.key }, (asked, answer) => {
    const { url, method, headers } = asked;
    const there = { host: "127.0.0.1", port: served.httpPort, path: url, method, headers };
    const onward = request(there, (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    asked.pipe(onward);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => https.once("listening", resolve));
}, STORY_MS);
afterAll(async () => {
  https?.closeAllConnections();
  https?.close();
  await served?.stop();
  folder.remove();
});

interface Told {
  readonly code: number | null;
  readonly err: string;
}

function loadtest(...args: string[]): Promise<Told> {
  const program = join(packageRoot, "src", "cli", "beamgate.mjs");
  // Busy machines are late; these runs are about who asks.
  const all = [program, "loadtest", ...args, "--late-after", "10000", "--no-ceiling"];
  const child = spawn(process.execPath, all, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ATLAS_TOKEN: token, LHCB_KEY: keys.lhcb.key },
  });
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, err })));
}

const grpc = () => ["-u", `localhost:${served.grpcPort}`];
const http = () => ["-u", `localhost:${(https.address() as AddressInfo).port}`, "-i", "http"];
const trusting = () => ["--ssl-grpc-root-certifications-file", root.certPath];

function resultIn(output: string): Result {
  const file = join(output, "result.json");
  return readResult(JSON.parse(readFileSync(file, "utf8")), file);
}

/** Good requests by tenant, as the gateway's ledger has them. */
async function ledger(): Promise<Record<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${served.httpPort}/v2/beamgate/usage?by=total`, {
    headers: { "x-api-key": keys.operator.key },
  });
  const lines = (await answer.json()) as HourlyUsage[];
  const counts: Record<string, number> = {};
  for (const { tenant, requests } of lines) counts[tenant] = (counts[tenant] ?? 0) + requests;
  return counts;
}

describe("three experiments over TLS", { timeout: STORY_MS }, () => {
  it.each([["unary calls"], ["streams", "--streaming"]])(
    "are who they are in %s, and none of their secrets is kept",
    async (name, ...how) => {
      const before = await ledger();
      const output = inFolder(name);
      const files = ["--output", output, ...trusting()];
      const told = await loadtest(inFolder("three.yaml"), ...grpc(), ...files, ...how);
      expect(told.code, told.err).toBe(0);
      const answered = resultIn(output).points.map((point) => point.answered);
      expect(answered).toEqual([30, 30, 30]);
      const after = await ledger();
      const gained = ["cms", "atlas", "lhcb"].map(
        (tenant) => (after[tenant] ?? 0) - (before[tenant] ?? 0),
      );
      expect(gained).toEqual([30, 30, 30]);
      const kept = ["result.json", "report.html"].map((file) =>
        readFileSync(join(output, file), "utf8"),
      );
      for (const secret of [token, keys.lhcb.key]) expect(kept.join()).not.toContain(secret);
    },
  );

  it("are refused by name where one of them shows nothing", async () => {
    const scenario = inFolder("nobody.yaml");
    writeFileSync(scenario, SCENARIO.replace("x-api-key: $LHCB_KEY", ""));
    const { code, err } = await loadtest(scenario, ...grpc(), ...trusting());
    expect([code, err]).toEqual([3, expect.stringMatching(/UNAUTHENTICATED.*nothing says who/)]);
  });

  it("show nothing of theirs to a reference that is another server", async () => {
    const scenario = inFolder("reference.yaml");
    const lines = SCENARIO.split("\n").filter((line) => !/by-certificate|by-token/.test(line));
    writeFileSync(scenario, lines.join("\n"));
    const output = inFolder("reference");
    const compared = ["--reference-url", `localhost:${served.grpcPort}`, "--output", output];
    const told = await loadtest(scenario, ...grpc(), ...trusting(), ...compared);
    expect(told.code, told.err).toBe(0);
    const { agreement, notes } = resultIn(output);
    expect(agreement?.compared).toBe(0);
    expect(notes).toEqual([
      expect.stringMatching(/did not answer 4: UNAUTHENTICATED.*who is calling/),
    ]);
    const shown = ["-H", `x-api-key: ${keys.lhcb.key}`];
    await loadtest(scenario, ...grpc(), ...trusting(), ...compared, ...shown);
    expect(resultIn(output).agreement).toMatchObject({ compared: 30, bitExact: 30 });
  });

  it("are not asked anything where a variable or a file is missing", async () => {
    for (const [from, to, text] of [
      [
        "$LHCB_KEY",
        "$NOT_THERE",
        "tenants.lhcb.headers.x-api-key: the environment has no NOT_THERE",
      ],
      ["alice.key", "nowhere.key", "tenants.cms.certificate.key: .*nowhere.key cannot be read"],
    ] as const) {
      const scenario = inFolder("missing.yaml");
      writeFileSync(scenario, SCENARIO.replace(from, to));
      const { code, err } = await loadtest(scenario, "-u", "localhost:1", ...trusting());
      expect([code, err]).toEqual([2, expect.stringMatching(text)]);
    }
  });

  it("need encryption to show a certificate", async () => {
    const { code, err } = await loadtest(inFolder("three.yaml"), ...grpc());
    expect([code, err]).toEqual([4, expect.stringContaining("shown over TLS only")]);
  });
});

describe("one caller over TLS", { timeout: STORY_MS }, () => {
  const closed = ["-m", "simple", "--concurrency-range", "2", "-p", "200", "--warmup", "0"];
  const showing = () => ["-H", `x-api-key: ${keys.lhcb.key}`];

  it.each(["unary", "streams", "a closed loop over HTTP", "an open loop over HTTP"])(
    "is answered in %s, with a header",
    async (name) => {
      const output = inFolder(`one ${name}`);
      const how = name.endsWith("HTTP") ? http() : grpc();
      if (name === "streams") how.push("--streaming");
      const load =
        name === "an open loop over HTTP"
          ? ["-m", "simple", "--request-rate-range", "50", "--duration", "0.5", "--warmup", "0"]
          : closed;
      const files = ["--output", output, ...trusting()];
      const told = await loadtest(...load, ...how, ...showing(), ...files);
      expect(told.code, told.err).toBe(0);
      const { points, main } = resultIn(output);
      expect(points[main]?.failures).toEqual([]);
      expect(points[main]?.answered).toBeGreaterThan(10);
      expect(readFileSync(join(output, "result.json"), "utf8")).not.toContain(keys.lhcb.key);
    },
  );

  it("is known by the certificate of the flags, under perf_analyzer's names", async () => {
    const before = await ledger();
    const chain = ["--ssl-grpc-certificate-chain-file", inFolder("alice.pem")];
    const files = [...chain, "--ssl-grpc-private-key-file", inFolder("alice.key")];
    const told = await loadtest(...closed, ...grpc(), ...trusting(), ...files);
    expect(told.code, told.err).toBe(0);
    const after = await ledger();
    expect(after["cms"]).toBeGreaterThan(before["cms"] ?? 0);
    const half = await loadtest(...closed, ...grpc(), ...trusting(), ...chain);
    expect([half.code, half.err]).toEqual([2, expect.stringContaining("two files")]);
  });

  it.each(["gRPC", "HTTP"])(
    "goes over %s to a server that it cannot check only where it says so",
    async (name) => {
      const how = name === "HTTP" ? http() : grpc();
      const strict = await loadtest(...closed, ...how, ...showing(), "--ssl-grpc-use-ssl");
      expect([strict.code, strict.err]).toEqual([4, expect.stringMatching(/certificate/i)]);
      const trusting = await loadtest(...closed, ...how, ...showing(), "--insecure");
      expect(trusting.code, trusting.err).toBe(0);
    },
  );
});
