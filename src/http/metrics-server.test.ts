import { afterEach, describe, expect, it } from "vitest";
import { silent } from "../logger.ts";
import type { HttpListener } from "./listener.ts";
import { createMetricsServer } from "./metrics-server.ts";

let server: HttpListener;
afterEach(() => server.stop());

const TEXT = "text/plain; version=0.0.4; charset=utf-8";

const runbook = new Map([["slow", "# It is slow\n"]]);

async function serve(pieces: (accept?: string) => AsyncIterable<string>): Promise<string> {
  const metrics = {
    page: (accept: string | undefined) => ({ contentType: TEXT, pieces: pieces(accept) }),
  };
  server = createMetricsServer({ address: "127.0.0.1", port: 0, log: silent, metrics, runbook });
  await server.start();
  return `http://127.0.0.1:${server.port}`;
}

describe("the metrics listener", () => {
  it("has the pages that its alerts lead to, and takes no path for a file", async () => {
    const url = await serve(async function* () {
      yield "up 1\n";
    });
    const page = await fetch(`${url}/runbook/slow`);
    expect(page.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await page.text()).toBe("# It is slow\n");
    expect(await (await fetch(`${url}/runbook`)).text()).toContain("- [It is slow](/runbook/slow)");
    for (const path of ["nothing", "..%2f..%2fpackage.json", "slow.md", "__proto__"]) {
      expect((await fetch(`${url}/runbook/${path}`)).status, path).toBe(404);
    }
  });

  it("serves /metrics as Prometheus wants it, and nothing else", async () => {
    const url = await serve(async function* () {
      yield "up 1\n";
      yield "down 0\n";
    });
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get("content-type")).toBe(TEXT);
    expect(await response.text()).toBe("up 1\ndown 0\n");
    expect((await fetch(`${url}/v2/health/live`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: "POST", body: "x" })).status).toBe(405);
  });

  it("stays up when rendering fails", async () => {
    const url = await serve(async function* () {
      yield await Promise.reject(new Error("secret"));
    });
    const response = await fetch(`${url}/metrics`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
  });

  it("sends a long page in pieces", async () => {
    const lines = Array.from({ length: 40 }, (_, at) => `up{at="${at}"} 1\n`.repeat(1000));
    const url = await serve(async function* () {
      yield* lines;
    });
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get("content-length")).toBeNull();
    expect(await response.text()).toBe(lines.join(""));
  });

  it("sends a short page at once, or none of it where it can not be finished", async () => {
    let ends = true;
    const url = await serve(async function* () {
      yield "up 1\n";
      if (!ends) throw new Error("secret");
      yield "down 0\n";
    });
    expect((await fetch(`${url}/metrics`)).headers.get("content-length")).toBe("12");
    ends = false;
    const response = await fetch(`${url}/metrics`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("up");
  });

  it("ends a long page that can not be finished, so that nobody takes it for whole", async () => {
    const url = await serve(async function* () {
      yield "up 1\n".repeat(100_000);
      throw new Error("secret");
    });
    await expect(fetch(`${url}/metrics`).then((response) => response.text())).rejects.toThrow();
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
  });

  it("passes on which formats the scraper takes", async () => {
    const url = await serve(async function* (accept) {
      yield `${accept}\n`;
    });
    const response = await fetch(`${url}/metrics`, { headers: { accept: "text/plain;q=0.5" } });
    expect(await response.text()).toBe("text/plain;q=0.5\n");
  });
});
