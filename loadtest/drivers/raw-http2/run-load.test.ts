import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Issued, TestAuthority } from "../../../test/support/identity/authority.ts";
import { type LoadOptions, runLoad } from "./run-load.ts";

type Answer = (
  stream: http2.ServerHttp2Stream,
  body: Buffer,
  headers: http2.IncomingHttpHeaders,
) => void;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function server(
  answer: Answer,
  settings: http2.Settings = {},
  tls?: Issued,
): Promise<number> {
  const listening = tls
    ? http2.createSecureServer({ settings, cert: tls.cert, key: tls.key })
    : http2.createServer({ settings });
  const sessions = new Set<http2.ServerHttp2Session>();
  listening.on("session", (session) => sessions.add(session));
  listening.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => undefined); // a client that hangs up at the end of its window
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => answer(stream, Buffer.concat(chunks), headers));
  });
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  closers.push(() => {
    for (const session of sessions) session.destroy();
    listening.close();
  });
  return (listening.address() as AddressInfo).port;
}

const grpc = { ":status": 200, "content-type": "application/grpc" };

const echo: Answer = (stream, body) => {
  stream.respond(grpc, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(body);
};

function load(port: number, changes: Partial<LoadOptions> = {}, messageBytes = 64) {
  const message = Buffer.alloc(messageBytes, 7);
  return runLoad({
    host: "127.0.0.1",
    port,
    request: { authority: `127.0.0.1:${port}`, path: "/a.B/C", message },
    connections: 2,
    concurrency: 8,
    warmupMs: 0,
    until: { kind: "requests", count: 500 },
    ...changes,
  });
}

describe("a server that answers every call", () => {
  it("is asked as often as wanted, by the clients in flight and no more", async () => {
    let now = 0;
    let most = 0;
    const port = await server((stream, body, headers) => {
      now += 1;
      most = Math.max(most, now);
      stream.once("close", () => {
        now -= 1;
      });
      echo(stream, body, headers);
    });
    const report = await load(port);
    expect(report.failed).toBe(0);
    expect(report.answered).toBeGreaterThanOrEqual(500);
    expect(report.answered).toBeLessThanOrEqual(508);
    expect(report.bytes).toBe(report.answered * (64 + 5));
    expect(report.latencyMs.p50).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(8);
  });

  it("sees the headers of a gRPC client in every request", async () => {
    const seen = new Set<string>();
    const port = await server((stream, body, headers) => {
      seen.add(
        `${headers[":method"]} ${headers[":path"]} ${headers["content-type"]} ${headers["te"]}`,
      );
      echo(stream, body, headers);
    });
    await load(port);
    expect([...seen]).toEqual(["POST /a.B/C application/grpc trailers"]);
  });

  it("gets messages larger than its windows and frames whole", async () => {
    const lengths = new Set<number>();
    const port = await server((stream, body, headers) => {
      lengths.add(body.length);
      echo(stream, body, headers);
    });
    const bytes = 300_000;
    const report = await load(port, { until: { kind: "requests", count: 40 } }, bytes);
    expect(report.failed).toBe(0);
    expect([...lengths]).toEqual([bytes + 5]);
    expect(report.bytes).toBe(report.answered * (bytes + 5));
  });

  it("is not asked for more streams than it allows", async () => {
    const port = await server(echo, { maxConcurrentStreams: 1 });
    const report = await load(port);
    expect(report.failed).toBe(0);
    expect(report.answered).toBeGreaterThanOrEqual(500);
  });

  it("is asked at the rate of an open loop", async () => {
    const port = await server(echo);
    const report = await load(port, { ratePerSecond: 400, until: { kind: "time", ms: 500 } });
    expect(report.failed).toBe(0);
    expect(report.answered).toBeGreaterThan(150);
    expect(report.answered).toBeLessThan(215);
  });
});

describe("calls that fail", () => {
  it("are counted by what the server said", async () => {
    let calls = 0;
    const port = await server((stream, body, headers) => {
      calls += 1;
      if (calls % 2 === 0) echo(stream, body, headers);
      else {
        stream.respond(
          { ...grpc, "grpc-status": "14", "grpc-message": "no model" },
          { endStream: true },
        );
      }
    });
    const report = await load(port);
    const failed = report.errors["grpc-status 14: no model"] ?? 0;
    expect(failed).toBe(report.failed);
    expect(Math.abs(failed - report.answered)).toBeLessThanOrEqual(10);
  });

  it("include streams that the server resets", async () => {
    let calls = 0;
    const port = await server((stream, body, headers) => {
      calls += 1;
      if (calls % 10 === 0) stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      else echo(stream, body, headers);
    });
    const report = await load(port);
    expect(Object.keys(report.errors)).toEqual(["stream reset by the server, code 11"]);
    expect(report.failed).toBeGreaterThan(40);
  });

  it("include those that a closed connection leaves behind, and a new connection is opened", async () => {
    let calls = 0;
    const port = await server((stream, body, headers) => {
      calls += 1;
      if (calls === 100) stream.session?.destroy();
      else echo(stream, body, headers);
    });
    const report = await load(port, { until: { kind: "time", ms: 400 } });
    expect(report.answered).toBeGreaterThan(100);
    expect(report.failed).toBeGreaterThan(0);
    expect(report.reconnects).toBe(1);
  });

  it("leave no report where nobody listens", async () => {
    await expect(load(1)).rejects.toThrow(/127\.0\.0\.1:1: .*ECONNREFUSED/);
  });
});

describe("a server that speaks TLS", () => {
  it("is asked by who trusts its authority, and by nobody else", async () => {
    const folder = mkdtempSync(join(tmpdir(), "beamgate-load-"));
    closers.push(() => rmSync(folder, { recursive: true }));
    const authority = new TestAuthority(folder, "authority");
    const port = await server(echo, {}, authority.server());
    const ca = readFileSync(authority.certPath, "utf8");
    const report = await load(port, { tls: { ca } });
    expect(report).toMatchObject({ failed: 0, errors: {} });
    expect(report.answered).toBeGreaterThanOrEqual(500);
    await expect(load(port, { tls: {} })).rejects.toThrow(/certificate/);
    await expect(load(port)).rejects.toThrow();
  });
});
