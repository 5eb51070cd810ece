import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packageRoot } from "../package-root.ts";
import { describeConfig } from "./describe.ts";
import { ConfigError, type ConfigSources, loadConfig } from "./load.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-config-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, "beamgate.yaml");
  writeFileSync(path, text);
  return path;
}

const flag = (...pairs: [string, ...string[]][]) =>
  new Map(pairs.map(([name, ...values]) => [name, values]));

const load = (sources: Partial<ConfigSources> = {}) =>
  loadConfig({ flags: new Map(), env: {}, ...sources });

function problems(sources: Partial<ConfigSources>): readonly string[] {
  try {
    load(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("nothing configured", () => {
  it("serves the package's models on loopback with Triton's ports", () => {
    const { config, warnings } = load();
    expect(config.grpc).toMatchObject({ enabled: true, address: "127.0.0.1", port: 8001 });
    expect(config.http).toMatchObject({ enabled: true, address: "127.0.0.1", port: 8000 });
    expect(config.metrics).toMatchObject({ enabled: true, address: "127.0.0.1", port: 8002 });
    expect(config.repository.roots).toEqual([join(packageRoot, "models")]);
    expect(warnings).toEqual([]);
  });
});

describe("one key set in several places", () => {
  it("follows flag, then environment, then file", () => {
    const yaml = file("grpc: {port: 1}\nhttp: {port: 1}\nmetrics: {port: 1}\nserver: {id: one}\n");
    const { config, origins } = load({
      file: yaml,
      env: { BEAMGATE_HTTP_PORT: "2", BEAMGATE_METRICS_PORT: "2" },
      flags: flag(["metrics-port", "3"]),
    });
    expect([config.grpc.port, config.http.port, config.metrics.port]).toEqual([1, 2, 3]);
    expect(config.server.id).toBe("one");
    expect(origins.get("grpc.port")).toBe(`file ${yaml}`);
    expect(origins.get("http.port")).toBe("env BEAMGATE_HTTP_PORT");
    expect(origins.get("metrics.port")).toBe("flag --metrics-port");
    expect(origins.get("log.format")).toBe("default");
  });

  it("takes the file from BEAMGATE_CONFIG where no --config is given", () => {
    expect(load({ env: { BEAMGATE_CONFIG: file("server: {id: x}") } }).config.server.id).toBe("x");
  });
});

describe("a configuration file", () => {
  it("is refused with path and suggestion for an unknown key", () => {
    const [problem] = problems({ file: file("grpc:\n  keepalive: {timMs: 5}\n") });
    expect(problem).toContain(
      "unknown key grpc.keepalive.timMs (did you mean grpc.keepalive.timeMs?)",
    );
    expect(problem).toContain("beamgate.yaml");
  });

  it("is refused with the line of a syntax error", () => {
    expect(problems({ file: file("grpc:\n  port: [1\n") })[0]).toMatch(/line [23]/);
  });

  it.each(["- a\n- b\n", "just text", "grpc: 5\n"])(
    "is refused when its form is wrong: %j",
    (text) => {
      expect(problems({ file: file(text) })).toHaveLength(1);
    },
  );

  it("is refused when it does not exist", () => {
    expect(problems({ file: join(folder, "none.yaml") })[0]).toContain("none.yaml");
  });

  it("does not reach the prototype of anything", () => {
    expect(
      problems({ file: file("__proto__: {polluted: 1}\ngrpc: {__proto__: {port: 1}}\n") }),
    ).toHaveLength(2);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  it("may be empty", () => {
    expect(load({ file: file("# nothing yet\n") }).config.grpc.port).toBe(8001);
  });

  it("resolves its paths from its own folder", () => {
    const { config } = load({
      file: file("repository: {roots: [models, /abs]}\nlog: {file: a.log}\n"),
    });
    expect(config.repository.roots).toEqual([join(folder, "models"), "/abs"]);
    expect(config.log.file).toBe(join(folder, "a.log"));
  });

  it("names several problems at once, each with its source", () => {
    const all = problems({ file: file("grpc: {port: 70000}\nworkers: {threads: 0}\n") });
    expect(all).toHaveLength(2);
    expect(all[0]).toMatch(/^grpc\.port: .*65535.*beamgate\.yaml says 70000/);
  });

  it("refuses an unknown key of a backend", () => {
    expect(problems({ file: file("backends: [{kind: x, pakage: y}]") })[0]).toContain("pakage");
  });
});

describe("environment variables", () => {
  it("read a value from the file that a _FILE variable names", () => {
    writeFileSync(join(folder, "id"), "secret-id\n");
    expect(load({ env: { BEAMGATE_SERVER_ID_FILE: join(folder, "id") } }).config.server.id).toBe(
      "secret-id",
    );
  });

  it("are refused when both the value and its file are given", () => {
    const env = { BEAMGATE_SERVER_ID: "a", BEAMGATE_SERVER_ID_FILE: join(folder, "id") };
    expect(problems({ env })[0]).toContain("both BEAMGATE_SERVER_ID and BEAMGATE_SERVER_ID_FILE");
  });

  it("are not confused by a key whose own name ends in FILE", () => {
    expect(load({ env: { BEAMGATE_LOG_FILE: "/x.log" } }).config.log.file).toBe("/x.log");
  });

  it("give lists with commas or as YAML", () => {
    expect(load({ env: { BEAMGATE_REPOSITORY_ROOTS: "/a, /b" } }).config.repository.roots).toEqual([
      "/a",
      "/b",
    ]);
    expect(
      load({ env: { BEAMGATE_REPOSITORY_ROOTS: '["/a,b"]' } }).config.repository.roots,
    ).toEqual(["/a,b"]);
  });

  it("warn when they set nothing, with a suggestion", () => {
    const { warnings } = load({ env: { BEAMGATE_GRCP_PORT: "1" } });
    expect(warnings).toEqual([
      "environment variable BEAMGATE_GRCP_PORT sets nothing (did you mean BEAMGATE_GRPC_PORT?)",
    ]);
  });

  it("of Kubernetes services named like ours are not settings", () => {
    const env = {
      BEAMGATE_GRPC_PORT: "tcp://10.0.0.1:8001",
      BEAMGATE_GRPC_PORT_8001_TCP_ADDR: "10.0.0.1",
      BEAMGATE_SERVICE_HOST: "10.0.0.1",
      BEAMGATE_SERVICE_PORT_GRPC: "8001",
    };
    const { config, warnings } = load({ env });
    expect(config.grpc.port).toBe(8001);
    expect(warnings).toEqual([]);
  });
});

describe("flags", () => {
  it("turn cmsTriton's command line into a configuration without a warning", () => {
    const { config, warnings } = load({
      flags: flag(
        ["http-port", "8100"],
        ["grpc-port", "8101"],
        ["metrics-port", "8102"],
        ["model-repository", "/a", "/b"],
        ["log-verbose", "1"],
        ["log-error", "1"],
        ["log-warning", "1"],
        ["log-info", "1"],
      ),
    });
    expect(config.repository.roots).toEqual(["/a", "/b"]);
    expect(config.log).toMatchObject({ verbose: 1, error: true, warning: true, info: true });
    expect(warnings).toEqual([]);
  });

  it("without a meaning here give one warning line each", () => {
    const { warnings } = load({
      flags: flag(["cuda-memory-pool-byte-size", "0:1", "1:1"], ["allow-sagemaker", "false"]),
    });
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain("--cuda-memory-pool-byte-size is accepted and ignored");
  });

  it("that are negations set the opposite", () => {
    const auto = (name: string, value: string) =>
      load({ flags: flag([name, value]) }).config.repository.autoComplete;
    expect(auto("strict-model-config", "true")).toBe(false);
    expect(auto("strict-model-config", "0")).toBe(true);
    expect(auto("disable-auto-complete-config", "true")).toBe(false);
  });

  it("of the same list add up", () => {
    const flags = flag(["model-store", "/a"], ["model-repository", "/b"]);
    expect(load({ flags }).config.repository.roots).toEqual(["/a", "/b"]);
  });

  it("with a wrong value are refused by name", () => {
    expect(problems({ flags: flag(["grpc-port", "80a"]) })[0]).toContain(
      'flag --grpc-port says "80a"',
    );
    expect(problems({ flags: flag(["allow-http", "maybe"]) })[0]).toContain("http.enabled");
    expect(problems({ flags: flag(["model-control-mode", "auto"]) })[0]).toContain("explicit");
  });
});

describe("the description of a configuration", () => {
  it("shows every key with its origin and hides what is secret in a backend's options", () => {
    const yaml =
      "backends:\n- {kind: remote, options: {url: 'x:1', auth: {apiToken: abc, password: d}, headers: {x: abc}}}\n";
    const described = describeConfig(load({ file: file(yaml) }));
    const text = JSON.stringify(described);
    expect(text).not.toContain("abc");
    expect(described.find(({ key }) => key === "backends")?.value).toEqual([
      {
        kind: "remote",
        options: {
          url: "x:1",
          auth: { apiToken: "(redacted)", password: "(redacted)" },
          headers: "(redacted)",
        },
      },
    ]);
    expect(described.every(({ meaning, origin }) => meaning !== "" && origin !== "")).toBe(true);
  });
});
