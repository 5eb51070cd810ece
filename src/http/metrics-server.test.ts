import { afterEach, describe, expect, it } from "vitest";
import { silent } from "../logger.ts";
import type { HttpListener } from "./listener.ts";
import { createMetricsServer } from "./metrics-server.ts";

let server: HttpListener;
afterEach(() => server.stop());

async function serve(render: () => Promise<string>): Promise<string> {
  const metrics = { contentType: "text/plain; version=0.0.4; charset=utf-8", render };
  server = createMetricsServer({ address: "127.0.0.1", port: 0, log: silent, metrics });
  await server.start();
  return `http://127.0.0.1:${server.port}`;
}

describe("the metrics listener", () => {
  it("serves /metrics as Prometheus wants it, and nothing else", async () => {
    const url = await serve(async () => "up 1\n");
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await response.text()).toBe("up 1\n");
    expect((await fetch(`${url}/v2/health/live`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: "POST", body: "x" })).status).toBe(405);
  });

  it("stays up when rendering fails", async () => {
    const url = await serve(async () => Promise.reject(new Error("secret")));
    const response = await fetch(`${url}/metrics`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
  });
});
