/** What an HTTP server is told, with nothing behind it; a test replaces what it is about. */
import { StatusError } from "../../src/errors.ts";
import type { HttpServerOptions } from "../../src/http/inference-server.ts";
import { ByteBudget } from "../../src/inference/byte-budget.ts";
import { aloneReport } from "../../src/inference/gateway-report.ts";
import { silent } from "../../src/logger.ts";

export function testServerOptions(): HttpServerOptions {
  return {
    address: "127.0.0.1",
    port: 0,
    maxInputBytes: 1000,
    log: silent,
    live: () => true,
    ready: () => true,
    serverMetadata: () => ({ name: "triton", version: "1.2.3", extensions: ["statistics"] }),
    modelReady: () => true,
    repositoryIndex: () => [],
    repository: { load: async () => {}, unload: async () => {} },
    sharedMemory: undefined,
    trace: { settings: () => new Map(), update: () => {} },
    logging: { settings: () => ({}), update: () => {} },
    models: { find: unknown, readyVersions: () => [] },
    devices: {
      list: async () => [],
      drain: async () => {},
      undrain: async () => {},
      lease: async () => {},
      release: async () => {},
    },
    gateways: () =>
      aloneReport({ id: "gw", address: "127.0.0.1:8001", version: "1.2.3", since: "2026" }),
    statistics: { served: () => [], statistics: () => ({}) },
    runbook: new Map([["slow", "# Slow\n"]]),
    inference: {
      infer: () => {},
      signature: unknown,
      budget: new ByteBudget(2 ** 20),
      now: () => performance.now(),
    },
  };
}

function unknown(model: string): never {
  throw new StatusError("NOT_FOUND", `Request for unknown model: '${model}' is not found`);
}
