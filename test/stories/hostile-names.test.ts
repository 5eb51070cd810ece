/** Names that want to be more than names, in models, tensors, ids: what a monitor and a terminal are shown of them. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { createGateway, type Gateway, type GatewayPorts } from "../../src/gateway.ts";
import { packageRoot } from "../../src/package-root.ts";
import { createLog, type Log } from "../../src/telemetry/log.ts";
import { HOSTILE_NAMES } from "../support/hostile-names.ts";
import { temporaryFolder } from "../support/identity/tenants-gateway.ts";
import { parse } from "../support/metrics.ts";
import { NO_PROMTOOL, readsMetrics } from "../support/prometheus.ts";

const LONG = "L".repeat(10 * 1024);

const folder = temporaryFolder();
const logFile = join(folder.path, "server.log");
let gateway: Gateway;
let ports: GatewayPorts;
let log: Log;

beforeAll(async () => {
  const models = join(folder.path, "models");
  for (const name of HOSTILE_NAMES) {
    mkdirSync(join(models, name), { recursive: true });
    cpSync(join(packageRoot, "models", "simple"), join(models, name), { recursive: true });
    const config = readFileSync(join(models, name, "config.pbtxt"), "utf8");
    // Without a name of its own it has that of its folder.
    writeFileSync(join(models, name, "config.pbtxt"), config.replace(/^name:.*$/m, ""));
  }
  const flags = new Map([
    ["model-repository", [models]],
    ["grpc-port", ["0"]],
    ["http-port", ["0"]],
    ["metrics-port", ["0"]],
    ["log-format", ["json"]],
    ["log-verbose", ["3"]],
    ["log-file", [logFile]],
    ["strict-readiness", ["false"]],
    ["exit-on-error", ["false"]],
    ["exit-timeout-secs", ["5"]],
  ]);
  const { config } = loadConfig({ flags, env: {}, file: undefined });
  log = createLog(config.log);
  gateway = await createGateway(config, log);
  ports = await gateway.start();
  for (const name of [...HOSTILE_NAMES, LONG]) {
    await infer(name, "INPUT0", name);
    await infer(name, name, "1");
    await infer("nobody", name, name);
  }
}, 180_000);
afterAll(async () => {
  await gateway?.stop();
  await log?.flushed();
  folder.remove();
});

async function infer(model: string, tensor: string, id: string): Promise<number> {
  const data = Array.from({ length: 16 }, (_, at) => at);
  const input = (name: string) => ({ name, datatype: "INT32", shape: [1, 16], data });
  const response = await fetch(
    `http://127.0.0.1:${ports.httpPort}/v2/models/${encodeURIComponent(model)}/infer`,
    { method: "POST", body: JSON.stringify({ id, inputs: [input(tensor), input("INPUT1")] }) },
  );
  await response.arrayBuffer();
  return response.status;
}

const page = async (accept: string) => {
  const response = await fetch(`http://127.0.0.1:${ports.metricsPort}/metrics`, {
    headers: { accept },
  });
  return response.text();
};
/** Such characters are replaced. */
const steers = (name: string) => /[^\P{C}\n]|[\u2028\u2029]/u.test(name);

describe("/metrics with models of hostile names", () => {
  it("has each of them, inside its label", async () => {
    const samples = parse(await page("text/plain"));
    const models = new Set(
      samples
        .filter(({ name }) => name === "nv_inference_count")
        .map(({ labels }) => labels["model"]),
    );
    const shown = HOSTILE_NAMES.filter((name) => !steers(name)).map((name) =>
      name.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"'),
    );
    expect([...models]).toEqual(expect.arrayContaining(shown));
    expect(models.size).toBe(HOSTILE_NAMES.length);
    expect(samples.filter(({ name }) => /forged/.test(name))).toEqual([]);
  });

  it.each(["text/plain", "application/openmetrics-text"])(
    "has no character in %s that steers a terminal, and one end",
    async (accept) => {
      const text = await page(accept);
      expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u2028-\u202e]/u);
      const ends = text.match(/^# EOF$/gm)?.length ?? 0;
      expect(ends).toBe(accept === "text/plain" ? 0 : 1);
      expect(text).not.toMatch(/^forged/m);
      expect(text).not.toContain(LONG);
    },
  );

  it.skipIf(NO_PROMTOOL !== undefined)(`is read by promtool ${NO_PROMTOOL ?? ""}`, async () => {
    const told = readsMetrics(await page("text/plain"));
    expect(told.read, told.text.slice(0, 2000)).toBe(true);
    expect(readsMetrics('a{b="\n"} 1\n').read).toBe(false);
  });
});

describe("the log of requests with hostile names", () => {
  it("is one JSON object a line, and steers no terminal", async () => {
    await log.flushed();
    const text = readFileSync(logFile, "utf8");
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    const lines = text.split("\n").slice(0, -1);
    expect(lines.length).toBeGreaterThanOrEqual(HOSTILE_NAMES.length);
    for (const line of lines) expect(typeof JSON.parse(line)).toBe("object");
    // They were really told.
    expect(lines.some((line) => JSON.stringify(JSON.parse(line)).includes("forged"))).toBe(true);
  });
});
