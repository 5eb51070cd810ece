import { describe, expect, it } from "vitest";
import { describeConfig } from "./describe.ts";
import { ConfigError, loadConfig } from "./load.ts";

const load = (flags: Record<string, string[]>) =>
  loadConfig({ flags: new Map(Object.entries(flags)), env: {} });
function problemsOf(flags: Record<string, string[]>): string {
  try {
    load(flags);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
  }
  throw new Error("nothing was wrong");
}

describe("--trace-config", () => {
  it("sets a key with each of its values", () => {
    const { config, warnings } = load({
      "trace-config": [
        "triton,file=/tmp/trace.json",
        "triton,log-frequency=50",
        "rate=100",
        "level=timestamps",
        "level=TENSORS",
        "count=7",
      ],
    });
    expect(warnings).toEqual([]);
    expect(config.trace).toMatchObject({
      mode: "triton",
      file: "/tmp/trace.json",
      logFrequency: 50,
      rate: 100,
      level: ["TIMESTAMPS", "TENSORS"],
      count: 7,
    });
  });

  it("names a collector, attributes and the sizes of exports", () => {
    const { config } = load({
      "trace-config": [
        "mode=opentelemetry",
        "opentelemetry,url=http://collector:4318/v1/traces?a=b",
        "opentelemetry,resource=service.name=farm",
        "opentelemetry,resource=site=T2_X",
        "opentelemetry,bsp_max_queue_size=9",
      ],
    });
    expect(config.trace.mode).toBe("opentelemetry");
    expect(config.trace.otel).toEqual({
      url: "http://collector:4318/v1/traces?a=b",
      resource: ["service.name=farm", "site=T2_X"],
      maxQueueSize: 9,
    });
  });

  it("is heard after the flags that it replaced, which are still taken", () => {
    const old = { "trace-file": ["/tmp/a"], "trace-rate": ["3"], "trace-level": ["max"] };
    expect(load(old).config.trace).toMatchObject({
      file: "/tmp/a",
      rate: 3,
      level: ["TIMESTAMPS"],
    });
    const both = { ...old, "trace-config": ["rate=4", "level=OFF"] };
    expect(load(both).config.trace).toMatchObject({ rate: 4, level: ["OFF"] });
  });

  it.each([
    ["rate", "option format is '<trace mode>,<setting>=<value>'"],
    ["rate=", "option format is"],
    [",rate=1", "unknown setting ',rate'"],
    ["triton,nothing=1", "unknown setting 'triton,nothing'; there are rate, level"],
    ["rate=often", "trace.rate"],
    ["level=loud", "trace.level"],
    ["mode=jaeger", "trace.mode"],
    ["opentelemetry,url=nowhere", "trace.otel.url"],
  ])("%s is refused", (written, problem) => {
    expect(problemsOf({ "trace-config": [written] })).toContain(problem);
  });
});

describe("--metrics-config", () => {
  it("switches families of latencies and chooses quantiles", () => {
    const { config } = load({
      "metrics-config": ["summary_latencies=true", "summary_quantiles=0.5:0.05,0.99:0.001"],
    });
    expect(config.metrics).toMatchObject({
      counterLatencies: true,
      summaryLatencies: true,
      summaryQuantiles: ["0.5:0.05", "0.99:0.001"],
    });
  });

  it.each(["summary_latencies", "gpu=1", "summary_quantiles=2:0.1"])("%s is refused", (written) => {
    expect(problemsOf({ "metrics-config": [written] })).toMatch(/metrics/);
  });
});

describe("restricted protocols and APIs", () => {
  it("are never shown with their values", () => {
    const loaded = load({
      "grpc-restricted-protocol": ["health,metadata:k=s3cret", "trace:l=s3cret"],
      "http-restricted-api": ["health:k=s3cret"],
    });
    expect(loaded.config.grpc.restrictedProtocols).toHaveLength(2);
    expect(JSON.stringify(describeConfig(loaded))).not.toContain("s3cret");
  });

  it("that make no sense end the start, without their values", () => {
    const problems = problemsOf({
      "grpc-restricted-protocol": ["health:k=s3cret", "health:l=s3cret"],
    });
    expect(problems).toContain(
      "grpc.restrictedProtocols: restricted protocol 'health' can not be specified in multiple config groups",
    );
    expect(problems).not.toContain("s3cret");
  });
});

describe("a pattern for headers that could take for ever", () => {
  it("ends the start", () => {
    expect(problemsOf({ "grpc-header-forward-pattern": ["(a+)+$"] })).toContain(
      "grpc.headerForwardPattern: a repeated group",
    );
  });
});
