import { connect, createServer, type Server } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { testServerOptions } from "../../test/support/http-server.ts";
import { StatusError } from "../errors.ts";
import { type Logger, silent } from "../logger.ts";
import type { IndexEntry } from "../registry/types.ts";
import { createApp, route } from "./app.ts";
import { createHttpServer, type HttpServerOptions } from "./inference-server.ts";
import { HttpListener } from "./listener.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function serve(options: Partial<HttpServerOptions> = {}): Promise<string> {
  const server = httpServer(options);
  await server.start();
  ends.push(() => server.stop());
  return `http://127.0.0.1:${server.port}`;
}

function httpServer(options: Partial<HttpServerOptions> = {}): HttpListener {
  return createHttpServer({ ...testServerOptions(), ...options });
}

const post = (url: string, body: string | null = null, headers: Record<string, string> = {}) =>
  fetch(`${url}/v2/repository/index`, { method: "POST", body, headers });

describe("an address that is a name", () => {
  it("is one address, that of IPv4 where it has both: a second server would be nobody's", async () => {
    const url = await serve({ address: "localhost" });
    expect((await fetch(`${url}/v2/health/live`)).status).toBe(200);
    const refused = await new Promise((resolve) => {
      const socket = connect(Number(new URL(url).port), "::1", () => resolve("taken"));
      socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code));
    });
    expect(refused).toMatch(/ECONNREFUSED|EADDRNOTAVAIL|EAFNOSUPPORT/);
  });

  it("that nobody knows is said to be the reason", async () => {
    const server = httpServer({ address: "nobody.invalid" });
    await expect(server.start()).rejects.toThrow(
      /^HTTPService cannot listen on nobody\.invalid:0: (no such name is known here|.*EAI_AGAIN)/,
    );
  });
});

describe("clients that never read", () => {
  it("are cut off on either lane", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    ends.push(async () => vi.useRealTimers());
    const big = new Uint8Array(16 * 2 ** 20);
    const signature = {
      name: "m",
      version: "1",
      maxBatchSize: 0,
      inputs: [{ name: "x", datatype: "UINT8", shape: [-1] }],
      outputs: [{ name: "y", datatype: "UINT8", shape: [-1] }],
      decoupled: false,
      reproducible: false,
    } as const;
    const output = { name: "y", datatype: "UINT8", shape: [big.length], data: big } as const;
    let answered = 0;
    const url = await serve({
      inference: {
        ...testServerOptions().inference,
        signature: () => signature,
        infer: (_wire, call) => {
          call.respond({ model: "m", version: "1", id: "", outputs: [output] }, true);
          answered += 1;
        },
      },
    });
    const raw = (more: string) =>
      `POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nInference-Header-Content-Length: 0\r\n${more}\r\nx`;
    const clients = ["", "Accept-Encoding: identity\r\n"].map((more) => {
      const socket = connect(Number(new URL(url).port), "127.0.0.1");
      ends.push(async () => void socket.destroy());
      const client = { socket, readBytes: 0, closed: false };
      socket.on("error", () => {});
      socket.on("close", () => {
        client.closed = true;
      });
      socket.on("data", (chunk) => {
        client.readBytes += chunk.length;
      });
      socket.pause();
      socket.write(raw(more));
      return client;
    });
    await vi.waitFor(() => expect(answered).toBe(2), { timeout: 20_000 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (let second = 0; second < 40; second += 1) vi.advanceTimersByTime(1_000);
    for (const client of clients) {
      client.socket.resume();
      await vi.waitFor(() => expect(client.closed).toBe(true), { timeout: 20_000 });
      expect(client.readBytes).toBeLessThan(big.length);
    }
  });
});

describe("health", () => {
  it("is 200 when true and 400 when not, without a body", async () => {
    const url = await serve({ ready: () => false });
    for (const [path, status] of [
      ["live", 200],
      ["ready", 400],
    ] as const) {
      const response = await fetch(`${url}/v2/health/${path}`);
      expect([response.status, await response.text()]).toEqual([status, ""]);
    }
  });
});

describe("the server's metadata", () => {
  it("are name, version and extensions", async () => {
    const url = await serve();
    expect(await (await fetch(`${url}/v2`)).json()).toEqual({
      name: "triton",
      version: "1.2.3",
      extensions: ["statistics"],
    });
  });
});

describe("the readiness of a model", () => {
  it("is asked for by decoded name and version", async () => {
    const asked: string[][] = [];
    const url = await serve({
      modelReady: (...names) => {
        asked.push(names);
        return names[0] === "a/b ü";
      },
    });
    const path = `/v2/models/${encodeURIComponent("a/b ü")}`;
    expect((await fetch(`${url}${path}/ready`)).status).toBe(200);
    expect((await fetch(`${url}${path}/versions/3/ready`)).status).toBe(200);
    expect((await fetch(`${url}/v2/models/other/ready`)).status).toBe(400);
    expect(asked).toEqual([
      ["a/b ü", ""],
      ["a/b ü", "3"],
      ["other", ""],
    ]);
  });

  it("says why when the question is wrong", async () => {
    const url = await serve({
      modelReady: () => {
        throw new StatusError("INVALID_ARGUMENT", "version should be an integral value > 0");
      },
    });
    const response = await fetch(`${url}/v2/models/m/versions/99999999999999999999/ready`);
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: "version should be an integral value > 0" },
    ]);
  });

  it.each([
    ["a bare escape", "%", 400],
    ["a wrong escape", "%zz", 400],
    ["no UTF-8", "%ff", 400],
    ["a long name", "a".repeat(300), 200],
    ["a name beyond all limits", "a".repeat(5000), 414],
    ["a path", "..%2f..%2fetc", 200],
    ["a zero byte", "%00", 200],
  ])("survives %s", async (_case, name, status) => {
    const url = await serve();
    const response = await fetch(`${url}/v2/models/${name}/ready`);
    expect(response.status).toBe(status);
    expect(await response.text()).not.toMatch(/\s at |node_modules/);
  });
});

describe("an explanation of a request with a long id", () => {
  const asked = async (id: string) => {
    const url = await serve({
      explain: (known) => (known === "é".repeat(256) ? { id } : undefined),
    });
    const response = await fetch(`${url}/v2/beamgate/explain/${encodeURIComponent(id)}`);
    return { status: response.status, ...((await response.json()) as { error?: string }) };
  };

  it("is given for the longest that is kept, whatever its letters", async () => {
    expect(await asked("é".repeat(256))).toMatchObject({ status: 200 });
  });

  it.each([
    ["a little", 257, 404],
    ["far", 10_000, 414],
  ])("says what is kept where it is %s too long", async (_case, length, status) => {
    const answer = await asked("a".repeat(length));
    expect(answer.status).toBe(status);
    expect(answer.error).toMatch(/256 characters/);
  });
});

describe("the repository index", () => {
  const entries: readonly IndexEntry[] = [
    { name: "jets", version: "1", state: "READY", reason: "" },
    { name: "tau", version: "2", state: "UNAVAILABLE", reason: "broken" },
    { name: "new", version: "", state: "", reason: "" },
  ];
  /** Without the reason that there is none. */
  const ready = { name: "jets", version: "1", state: "READY" };
  const index = (onlyReady: boolean) =>
    onlyReady ? entries.filter(({ state }) => state === "READY") : entries;

  it("lists everything without a body, whatever its type is said to be", async () => {
    const url = await serve({ repositoryIndex: index });
    const all = [ready, entries[1], { name: "new" }];
    expect(await (await post(url)).json()).toEqual(all);
    expect(await (await post(url, "{}")).json()).toEqual(all);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect(await (await post(url, '{"ready":false}', form)).json()).toEqual(all);
    expect(await (await post(url, "", { "content-type": "application/json" })).json()).toEqual(all);
  });

  it("keeps what is ready when asked to", async () => {
    const url = await serve({ repositoryIndex: index });
    expect(await (await post(url, '{"ready":true}')).json()).toEqual([ready]);
  });

  it.each([
    ["that is cut short", "{", 500, /failed to parse the request JSON buffer/],
    ["whose ready is no boolean", '{"ready":1}', 400, /expected a boolean/],
  ])("refuses a body %s", async (_case, body, status, reason) => {
    const response = await post(await serve(), body);
    expect(response.status).toBe(status);
    expect((await response.json()) as { error: string }).toEqual({
      error: expect.stringMatching(reason),
    });
  });

  it("refuses a body above the limit", async () => {
    const response = await post(await serve(), `{"x":"${"y".repeat(2000)}"}`);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("--http-max-input-size");
  });
});

describe("a request that fits nothing", () => {
  it("is 405 for a wrong method, with the right one", async () => {
    const url = await serve();
    for (const [method, path, allow] of [
      ["GET", "/v2/repository/index", "POST"],
      ["POST", "/v2/health/live", "GET"],
      ["DELETE", "/v2/models/m/ready", "GET"],
      ["HEAD", "/v2", "GET"],
    ] as const) {
      const response = await fetch(`${url}${path}`, { method });
      expect([method, response.status, response.headers.get("allow")]).toEqual([
        method,
        405,
        allow,
      ]);
    }
  });

  it("is 404 with an error in JSON for an unknown path", async () => {
    const response = await fetch(`${await serve()}/v3/nothing`);
    expect([response.status, await response.json()]).toEqual([404, { error: "Not Found" }]);
  });
});

describe("an error that nobody foresaw", () => {
  it("tells the client nothing and the log everything", async () => {
    const logged: object[] = [];
    const log: Logger = { ...silent, error: (_message, fields) => logged.push(fields ?? {}) };
    const url = await serve({
      log,
      repositoryIndex: () => {
        throw new Error("secret /path");
      },
    });
    const response = await post(url);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(logged).toEqual([{ error: expect.objectContaining({ message: "secret /path" }) }]);
  });
});

describe("a port that is taken", () => {
  it("is an error that names it and says what to do", async () => {
    const other: Server = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    ends.push(() => new Promise((resolve) => other.close(resolve)));
    const { port } = other.address() as { port: number };
    await expect(httpServer({ port }).start()).rejects.toThrow(
      new RegExp(`127\\.0\\.0\\.1:${port}: Address already in use.*--http-port`),
    );
  });
});

describe("a server that is stopped", () => {
  it("answers what is in flight, which it can name, and takes nothing new", async () => {
    const app = createApp({ maxBodyBytes: 10, log: silent });
    const asked = deferred();
    const answer = deferred();
    route(app, "GET", "/slow", async () => {
      asked.resolve();
      await answer.promise;
      return "done";
    });
    const place = { address: "127.0.0.1", port: 0 };
    const server = new HttpListener("http", "HTTPService", "--http-port", app, place);
    await server.start();
    ends.push(() => server.stop());
    const url = `http://127.0.0.1:${server.port}/slow`;
    const inFlight = fetch(url);
    await asked.promise;
    expect(server.inFlight()).toEqual([expect.stringContaining("GET /slow")]);

    const drained = server.drain();
    await vi.waitFor(() => expect(fetch(`${url}-other`)).rejects.toThrow(), { timeout: 20_000 });
    answer.resolve();
    expect(await (await inFlight).text()).toBe("done");
    await drained;
    expect(server.inFlight()).toEqual([]);
  });

  it("does not wait for clients that are connected and silent", async () => {
    const server = httpServer();
    await server.start();
    const socket = connect(server.port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await server.stop();
    await closed;
  });
});

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe("a caller who asks who he is", () => {
  it("hears that nobody is asked, where no tenants are known", async () => {
    const answer = await fetch(`${await serve()}/v2/beamgate/who`);
    expect(await answer.json()).toMatchObject({ asked: false, subject: "anybody", models: ["*"] });
  });
});
