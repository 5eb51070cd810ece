import { describe, expect, it } from "vitest";
import { loadConfig } from "./load.ts";
import { isLoopback } from "./rules.ts";

const load = (flags: Readonly<Record<string, string>>) =>
  loadConfig({
    flags: new Map(Object.entries(flags).map(([name, value]) => [name, [value]])),
    env: {},
  });

describe("an address", () => {
  it.each(["127.0.0.1", "127.8.9.10", "::1", "localhost", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"])(
    "%s stays on this machine",
    (address) => expect(isLoopback(address)).toBe(true),
  );
  it.each(["0.0.0.0", "::", "10.0.0.1", "192.168.1.1", "fe80::1", "example.org", "128.0.0.1", "*"])(
    "%s may be reached by others",
    (address) => expect(isLoopback(address)).toBe(false),
  );
});

describe("an address that others can reach", () => {
  it.each(["grpc-address", "http-address", "metrics-address"])("is refused for --%s", (name) => {
    expect(() => load({ [name]: "0.0.0.0" })).toThrow(/--insecure-no-auth/);
  });

  it("is served with --insecure-no-auth, with a warning that names every listener", () => {
    const { warnings } = load({ "grpc-address": "::", "insecure-no-auth": "true" });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/NO AUTHENTICATION.*grpc\.address ::/);
  });

  it("is served with a tenants file, with a warning of what is not encrypted", () => {
    const { warnings } = load({ "grpc-address": "::", "tenants-file": "tenants.yaml" });
    expect(warnings).toEqual([
      "grpc.address :: is without TLS: tokens and keys can be read on their way to it",
    ]);
  });

  it("does not matter for a listener that is off", () => {
    expect(() =>
      load({ "http-address": "127.0.0.1", "grpc-address": "0.0.0.0", "allow-grpc": "0" }),
    ).not.toThrow();
  });
});

describe("listeners of tenants", () => {
  const listeners = (written: string, flags: Readonly<Record<string, string>> = {}) =>
    loadConfig({
      flags: new Map(Object.entries(flags).map(([name, value]) => [name, [value]])),
      env: { BEAMGATE_AUTH_LISTENERS: written },
    });
  const tenants = { "tenants-file": "tenants.yaml" };

  it.each([
    [
      "mean nothing without tenants",
      '[{"name":"a","grpcPort":0}]',
      {},
      /without auth\.tenantsFile/,
    ],
    ["have one way each", '[{"name":"a"}]', tenants, /auth\.listeners\.0: expected either/],
    [
      "have one name each",
      '[{"name":"a","grpcPort":0},{"name":"a","grpcPort":0}]',
      tenants,
      /there is a listener 'a' already/,
    ],
    [
      "have a port of their own",
      '[{"name":"a","grpcPort":8001}]',
      tenants,
      /auth\.listeners\.0\.port: grpc\.port/,
    ],
    [
      "are told by name in TLS only",
      '[{"name":"a","serverName":"x"}]',
      tenants,
      /clients tell it in TLS only/,
    ],
  ])("%s", (_what, written, flags, problem) => {
    expect(() => listeners(written, flags)).toThrow(problem);
  });

  it("are taken as they are", () => {
    const { auth } = listeners('[{"name":"a","grpcPort":0}]', tenants).config;
    expect(auth.listeners).toEqual([{ name: "a", grpcPort: 0 }]);
  });
});

describe("memory shared with clients", () => {
  it("is not offered where other machines can connect, whatever else is allowed", () => {
    const flags = { "insecure-no-auth": "true", "allow-client-shm": "true" };
    expect(load(flags).config.server.allowClientShm).toBe(true);
    expect(load({ ...flags, "metrics-address": "0.0.0.0" }).config.server.allowClientShm).toBe(
      true,
    );
    expect(() => load({ ...flags, "http-address": "0.0.0.0" })).toThrow(
      /allowClientShm: http\.address 0\.0\.0\.0/,
    );
  });
});

describe("the response cache and the rate limiter", () => {
  it("are set as tritonserver's are", () => {
    expect(load({ "cache-config": "local,size=1048576" }).config.cache.sizeBytes).toBe(1048576);
    expect(load({ "response-cache-byte-size": "8192" }).config.cache.sizeBytes).toBe(8192);
    const { rateLimit } = load({
      "rate-limit": "execution_count",
      "rate-limit-resource": "R1:4:0",
    }).config;
    expect(rateLimit).toEqual({ mode: "execution_count", resources: ["R1:4:0"] });
  });

  it.each([
    [{ "cache-config": "redis,host=here" }, /--cache-config: expected local,size=BYTES/],
    [{ "rate-limit": "sometimes" }, /rateLimit\.mode/],
    [{ "rate-limit-resource": "R1" }, /expected NAME:COUNT/],
  ])("refuse what they do not know: %o", (flags, text) => {
    expect(() => load(flags as Record<string, string>)).toThrow(text);
  });
});

describe("metrics", () => {
  it("are served where HTTP is unless told otherwise, as in Triton", () => {
    expect(load({ "http-address": "127.0.0.2" }).config.metrics.address).toBe("127.0.0.2");
    const both = load({ "http-address": "127.0.0.2", "metrics-address": "127.0.0.3" });
    expect(both.config.metrics.address).toBe("127.0.0.3");
  });
});

describe("TLS", () => {
  it.each(["grpc", "http"] as const)("of the %s port needs its files", (port) => {
    const flag = (name: string) => `${port}-${name}`;
    const wanted = () => load({ [flag("use-ssl")]: "true" });
    expect(wanted).toThrow(`${port}.tls.certPath: needed`);
    expect(wanted).toThrow(`${port}.tls.keyPath: needed`);
    const files = { [flag("server-cert")]: "/c", [flag("server-key")]: "/k" };
    expect(load({ ...files, [flag("use-ssl")]: "1" }).config[port].tls.useSsl).toBe(true);
    expect(load(files).config[port].tls.useSsl).toBe(false);
    const mutual = { ...files, [flag("use-ssl-mutual")]: "1" };
    expect(() => load(mutual)).toThrow(`${port}.tls.rootCertPath`);
    const { config } = load({ ...mutual, [flag("root-cert")]: "/r" });
    expect(config[port].tls).toMatchObject({ useSsl: true, mutual: true, rootCertPath: "/r" });
  });

  it("of HTTP is a place where nobody reads tokens", () => {
    const tls = { "http-use-ssl": "1", "http-server-cert": "/c", "http-server-key": "/k" };
    const open = { "http-address": "::", "metrics-address": "127.0.0.1", "tenants-file": "t.yaml" };
    expect(load(open).warnings).toHaveLength(1);
    expect(load({ ...open, ...tls }).warnings).toEqual([]);
  });

  it("is on when clients have to show certificates, and then needs their authorities", () => {
    const files = { "grpc-server-cert": "/c", "grpc-server-key": "/k" };
    expect(() => load({ ...files, "grpc-use-ssl-mutual": "1" })).toThrow(/rootCertPath/);
    const { config } = load({ ...files, "grpc-use-ssl-mutual": "1", "grpc-root-cert": "/r" });
    expect(config.grpc.tls).toMatchObject({ useSsl: true, mutual: true, rootCertPath: "/r" });
  });
});

describe("compression of answers", () => {
  it("is gzip when only a level is named, and medium when only an algorithm is", () => {
    const byLevel = load({ "grpc-infer-response-compression-level": "high" }).config.grpc;
    expect(byLevel).toMatchObject({ responseCompression: "gzip", compressionLevel: "high" });
    const byName = load({ "grpc-response-compression": "deflate" }).config.grpc;
    expect(byName).toMatchObject({ responseCompression: "deflate", compressionLevel: "medium" });
  });
});

describe("combinations that cannot be served", () => {
  it.each([
    [{ "load-model": "a" }, /--model-control-mode=explicit/],
    [{ "grpc-port": "8000" }, /http\.port: grpc\.port is 127\.0\.0\.1:8000 already/],
    [{ "allow-grpc": "0", "allow-http": "0" }, /both are off/],
    [{ "model-repository": "s3://bucket/models" }, /mount the storage/],
  ])("%j is refused", (flags, reason) => {
    expect(() => load(flags as Readonly<Record<string, string>>)).toThrow(reason);
  });

  it("port 0 is never taken twice", () => {
    expect(() => load({ "grpc-port": "0", "http-port": "0", "metrics-port": "0" })).not.toThrow();
  });
});
