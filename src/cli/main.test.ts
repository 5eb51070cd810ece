import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli as run } from "../../test/support/run-cli.ts";
import { flags } from "../config/flags.ts";
import { keys } from "../config/keys.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-cli-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** `config check -o json` as a map from key to its line. */
async function check(...argv: string[]) {
  const { exitCode, out, err } = await run(["config", "check", "-o", "json", ...argv]);
  if (exitCode !== 0) throw new Error(err);
  const { keys, warnings }: { keys: { key: string; value: unknown }[]; warnings: string[] } =
    JSON.parse(out);
  return { values: new Map(keys.map(({ key, value }) => [key, value])), warnings };
}

describe("the program", () => {
  it("tells its version", async () => {
    expect(await run(["--version"])).toMatchObject({
      exitCode: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  it("lists its commands, also when nothing is asked", async () => {
    const help = await run(["--help"]);
    expect(help.exitCode).toBe(0);
    for (const command of ["serve", "config", "model", "doctor"]) {
      expect(help.out).toContain(`\n  ${command} `);
    }
    expect(await run([])).toMatchObject({ exitCode: 2, err: expect.stringContaining("Usage") });
  });

  it("refuses an unknown command with a suggestion", async () => {
    expect(await run(["serv"])).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining("Did you mean serve?"),
    });
    expect((await run(["__proto__"])).exitCode).toBe(2);
  });

  it("explains a command by help as well as by --help", async () => {
    const help = await run(["serve", "--help"]);
    expect(help).toMatchObject({ exitCode: 0, out: expect.stringContaining("--grpc-port") });
    expect(await run(["help", "serve"])).toEqual(help);
  });

  it("refuses unknown flags with a suggestion and exit code 2", async () => {
    for (const argv of [
      ["serve", "--grpc-prot=1"],
      ["--grpc-prot", "1"],
    ]) {
      const { exitCode, err } = await run(argv);
      expect(exitCode).toBe(2);
      expect(err).toContain("unknown option '--grpc-prot");
      expect(err).toContain("Did you mean --grpc-port?");
    }
  });

  it("refuses what is left over on the line", async () => {
    expect((await run(["serve", "models"])).exitCode).toBe(2);
  });
});

describe("every flag of the table", () => {
  const sample = (flag: (typeof flags)[number]): string => {
    if (flag.kind === "boolean") return "false";
    if (flag.kind === "level") return "1";
    const special: Readonly<Record<string, string>> = {
      "grpc.compressionLevel": "low",
      "grpc.responseCompression": "gzip",
      "repository.controlMode": "poll",
      "log.format": "json",
      "repository.loadModels": "*",
      "grpc.address": "127.0.0.1",
      "http.address": "127.0.0.1",
      "metrics.address": "127.0.0.1",
      "metrics.summaryQuantiles": "0.5:0.05",
      "metrics.maxStageSeries": "17",
      "grpc.edges": "17",
      "grpc.restrictedProtocols": "health:key=value",
      "http.restrictedApis": "health:key=value",
      "routing.policy": "preference",
      "placement.linkGroups": "pair=a,b",
      "breaker.errorPercent": "17",
      "breaker.leastExecutions": "17",
      "registry.requireSignature": "xilinx",
      "registry.keepRetired": "17",
      "provenance.explainRequests": "17",
      "provenance.explainShare": "0.5",
      "shadow.queueRows": "17",
      "dialIn.places": "17",
      "dashboard.loadtestsKept": "17",
      "join.gateway": "gateway:17",
      "redis.url": "unix:/run/redis.sock",
      "trace.mode": "opentelemetry",
      "trace.otel.url": "http://127.0.0.1:4318",
      "trace.otel.resource": "service.name=here",
      "trace.otel.maxQueueSize": "17",
      "trace.otel.maxExportBatchSize": "17",
      "cache-config": "local,size=1048577",
      "rate-limit": "execution_count",
      "rate-limit-resource": "R1:17",
      "trace-config": "rate=1",
      "trace-level": "timestamps",
      "metrics-config": "summary_latencies=true",
    };
    return special[flag.name] ?? special[flag.key ?? ""] ?? "1048577";
  };
  /** Ports must be ports, and some flags want others beside them. */
  const argument = (flag: (typeof flags)[number]) =>
    flag.name.endsWith("-port") ||
    /threads|pollSecs|exitTimeoutSecs|maxCpuWorkers/.test(flag.key ?? "")
      ? "17"
      : sample(flag);
  const more: Readonly<Record<string, readonly string[]>> = {
    "load-model": ["--model-control-mode=explicit"],
    "dial-in-port": ["--dial-in-secret-file=secret"],
    "dial-in-cert-path": ["--dial-in-key-path=key"],
    "dial-in-key-path": ["--dial-in-cert-path=cert"],
    "redis-cert-path": ["--redis-key-path=key"],
    "redis-key-path": ["--redis-cert-path=cert"],
    join: ["--join-secret-file=secret"],
  };
  const extra = (name: string) => more[name] ?? [];

  it.each(flags.map((flag) => [flag.name, flag] as const))(
    "--%s is read in both forms",
    async (name, flag) => {
      const value = argument(flag);
      const joined = await check(...extra(name), `--${name}=${value}`);
      const spaced = await check(...extra(name), `--${name}`, value);
      expect(spaced).toEqual(joined);
      expect(joined.warnings).toHaveLength(flag.ignored === undefined ? 0 : 1);
      if (flag.key !== undefined) {
        const shown = keys.get(flag.key)?.secret ? "(redacted)" : value.split(/\/|size=/).at(-1);
        const expected = flag.kind === "boolean" ? flag.negated === true : shown;
        const read = joined.values.get(flag.key);
        expect(
          String(Array.isArray(read) ? read.at(-1) : read)
            .split("/")
            .at(-1),
        ).toBe(String(expected));
      }
    },
  );

  it("that is a boolean may stand bare, also before another flag", async () => {
    const { values } = await check("--exit-on-error", "--log-verbose", "--grpc-port", "5");
    expect(values.get("repository.exitOnError")).toBe(true);
    expect(values.get("log.verbose")).toBe(1);
    expect(values.get("grpc.port")).toBe(5);
  });

  it("that is a boolean takes true, false, 1 and 0 in any case", async () => {
    for (const [word, value] of [
      ["True", true],
      ["1", true],
      ["FALSE", false],
      ["0", false],
    ] as const) {
      expect((await check(`--allow-http=${word}`)).values.get("http.enabled")).toBe(value);
    }
  });
});

describe("config check", () => {
  it("shows values with their origin in a table", async () => {
    const { out } = await run(["config", "check", "--http-port=7"], { BEAMGATE_GRPC_PORT: "9" });
    expect(out).toMatch(/^http\.port +7 +flag --http-port$/m);
    expect(out).toMatch(/^grpc\.port +9 +env BEAMGATE_GRPC_PORT$/m);
    expect(out).toMatch(/^grpc\.keepalive\.timeMs +7200000 ms +default$/m);
  });

  it("names all problems and ends with 2", async () => {
    const file = join(folder, "c.yaml");
    writeFileSync(file, "grcp: {port: 1}\nhttp: {prot: 2}\n");
    const { exitCode, out, err } = await run(["config", "check", "--config", file]);
    expect([exitCode, out]).toEqual([2, ""]);
    expect(err).toContain("unknown key grcp (did you mean grpc?)");
    expect(err).toContain("unknown key http.prot (did you mean http.port?)");
  });
});

describe("serve on an address that others can reach", () => {
  it.each(["0.0.0.0", "::", "192.168.1.5"])("%s is refused with a remedy", async (address) => {
    const { exitCode, err } = await run(["serve", `--grpc-address=${address}`]);
    expect(exitCode).toBe(2);
    expect(err).toContain("--insecure-no-auth");
  });
});

describe("model check-config", () => {
  it("prints the configuration as JSON and nothing else", async () => {
    const file = join(folder, "config.pbtxt");
    writeFileSync(file, 'name: "m" platform: "onnxruntime_onnx" max_batch_size: 4');
    const { exitCode, out } = await run(["model", "check-config", file, "-o", "json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ name: "m", max_batch_size: 4 });
  });

  it("refuses a broken one with its line and exit code 3", async () => {
    const file = join(folder, "config.pbtxt");
    writeFileSync(file, 'name: "m"\nmax_batch_size: {\n');
    const { exitCode, out, err } = await run(["model", "check-config", file, "-o", "json"]);
    expect(exitCode).toBe(3);
    expect(err).toContain(file);
    expect(JSON.parse(out)).toEqual({ problems: [expect.stringContaining(file)] });
  });

  it("refuses a file that is not there", async () => {
    expect((await run(["model", "check-config", join(folder, "none")])).exitCode).toBe(3);
  });
});
