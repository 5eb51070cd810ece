import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createTlsServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  type Asked,
  answer,
  bodies,
  type Ends,
  raw,
  rawClient,
  serveDirectly,
  until,
} from "../../../test/support/direct-lane.ts";
import { TestAuthority } from "../../../test/support/identity/authority.ts";
import { ByteBudget } from "../../inference/byte-budget.ts";

const ends: Ends = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const serve = (...more: Tail<typeof serveDirectly>) => serveDirectly(ends, ...more);
const client = (...more: Tail<typeof rawClient>) => rawClient(ends, ...more);
type Tail<F extends (ends: Ends, ...more: never[]) => unknown> =
  Parameters<F> extends [Ends, ...infer More] ? More : never;

describe("plain infer requests", () => {
  it("are told the load in a header where they ask for it", async () => {
    const { server } = await serve();
    const { socket, got } = await client(server);
    socket.write(raw("a", "Endpoint-Load-Metrics-Format: text\r\n") + raw("b"));
    await until(() => expect(got()).toMatch(/b$/));
    expect(got().match(/^endpoint-load-metrics: .*$/gim)).toEqual([
      "endpoint-load-metrics: text of m/1",
    ]);
  });

  it("are answered with what Node would write, in one piece or byte by byte", async () => {
    const { server, atNode, budget } = await serve();
    const { socket, got } = await client(server);
    socket.write(raw("abc"));
    await until(() => expect(got()).toMatch(/abc$/));
    expect(got()).toMatch(
      /^HTTP\/1.1 200 OK\r\nContent-Type: application\/octet-stream\r\nInference-Header-Content-Length: \d+\r\nContent-Length: \d+\r\nDate: [^\r]+GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=\d+\r\n\r\n\{/,
    );
    socket.setNoDelay(true);
    for (const byte of raw("slow")) {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => expect(got()).toMatch(/slow$/));
    expect([atNode, budget.usedBytes]).toEqual([[], 0]);
  });

  it("that come together are answered in their order, whoever is ready first", async () => {
    const { server, asked } = await serve(false);
    const { socket, got } = await client(server);
    socket.write(raw("one") + raw("two") + raw("three") + raw("", "", "unknown"));
    await until(() => expect(asked.length).toBe(3));
    for (const at of [2, 1]) answer(asked[at] as Asked);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(got()).toBe("");
    answer(asked[0] as Asked);
    await until(() => expect(got()).toContain("no unknown"));
    expect(bodies(got()).slice(0, 3)).toEqual(["one", "two", "three"]);
    expect(got()).toMatch(/HTTP\/1.1 404 Not Found.*\{"error":"no unknown"\}$/s);
  });

  it("of one connection wait unread beyond a number, and all are answered", async () => {
    const { server, asked } = await serve(false);
    const { socket, got } = await client(server);
    socket.write(raw("x").repeat(600));
    await until(() => expect(asked.length).toBe(256));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked.length).toBe(256);
    for (let at = 0; at < 600; at += 1) {
      await until(() => expect(asked.length).toBeGreaterThan(at));
      answer(asked[at] as Asked);
    }
    await until(() => expect(bodies(got()).length).toBe(600));
  });

  it("are not started while the client does not read its answers", async () => {
    const { server, asked } = await serve(true, new ByteBudget(2 ** 26));
    const { socket } = await client(server);
    socket.pause();
    const request = raw("y".repeat(200_000));
    for (let at = 0; at < 300; at += 1) socket.write(request);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const started = asked.length;
    expect(started).toBeLessThan(150);
    socket.resume();
    await until(() => expect(asked.length).toBe(300));
  });

  it("give their room back when the client hangs up, and are cancelled", async () => {
    const { server, asked, budget } = await serve(false);
    const { socket } = await client(server);
    const cancelled = vi.fn();
    socket.write(raw("abc") + raw("half of it").slice(0, -4));
    await until(() => expect([asked.length, budget.usedBytes]).toEqual([1, 13]));
    (asked[0] as Asked).call.onCancel = cancelled;
    socket.destroy();
    await until(() => expect(cancelled).toHaveBeenCalledOnce());
    expect((asked[0] as Asked).call.cancelled).toBe(true);
    await until(() => expect(budget.usedBytes).toBe(0));
    // Nobody is there for an answer that comes all the same.
    answer(asked[0] as Asked);
    expect(budget.usedBytes).toBe(0);
  });
});

describe("a connection goes over to Node", () => {
  const get = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

  it("at its first request, a byte at a time as well", async () => {
    const { server, asked } = await serve();
    const { socket, got } = await client(server);
    for (const byte of get) socket.write(byte);
    await until(() => expect(got()).toContain("node: GET"));
    socket.write(raw("later"));
    await until(() => expect(got()).toContain("node: POST later"));
    expect(asked).toEqual([]);
  });

  it("after the answers of those before it", async () => {
    const { server, asked, atNode } = await serve(false);
    const { socket, got } = await client(server);
    socket.write(raw("first") + get + raw("behind"));
    await until(() => expect(asked.length).toBe(1));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(atNode).toEqual([]);
    answer(asked[0] as Asked);
    await until(() => expect(got()).toMatch(/first.*node: GET .*node: POST behind$/s));
  });

  it("with what is read in two ways, whole", async () => {
    const { server, asked, atNode } = await serve();
    const { socket, got } = await client(server);
    const chunked =
      "POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    socket.write(raw("one") + chunked);
    await until(() => expect(got()).toContain("node: POST abc"));
    expect([asked.length, atNode]).toEqual([1, ["POST abc"]]);
  });

  it("whose Content-Length and Transfer-Encoding contradict each other, and Node refuses it", async () => {
    const { server, asked, atNode } = await serve();
    const { socket, got, ended } = await client(server);
    socket.write(raw("GET / HTTP/1.1", "Transfer-Encoding: chunked\r\n"));
    await until(() => expect(ended()).toBe(true));
    expect(got()).toMatch(/^HTTP\/1.1 400/);
    expect([asked, atNode]).toEqual([[], []]);
  });

  it.each([
    ["a body that is large", "z".repeat(300 * 1024), 2 ** 20],
    ["a body for which there is no room now", "z".repeat(5000), 4000],
  ])("with %s", async (_case, body, budgetBytes) => {
    const { server, atNode, budget } = await serve(true, new ByteBudget(budgetBytes));
    const { socket, got } = await client(server);
    socket.write(raw(body));
    await until(() => expect(got()).toMatch(/node: POST z+$/));
    expect([atNode.length, atNode[0]?.length, budget.usedBytes]).toEqual([1, 5 + body.length, 0]);
  });

  it("with a head that does not end", async () => {
    const { server } = await serve();
    const { socket, got } = await client(server);
    socket.write(raw("", `X: ${"a".repeat(20_000)}`));
    await until(() => expect(got()).toMatch(/^HTTP\/1.1 431/));
  });

  it("with what it sent of a body that takes long", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    ends.push(() => vi.useRealTimers());
    const { server, asked, budget } = await serve();
    const { socket, got } = await client(server);
    const request = raw("long and slow");
    socket.write(request.slice(0, -5));
    await until(() => expect(budget.usedBytes).toBe(13));
    vi.advanceTimersByTime(40_000);
    expect(budget.usedBytes).toBe(0);
    socket.write(request.slice(-5));
    await until(() => expect(got()).toContain("node: POST long and slow"));
    expect(asked).toEqual([]);
  });
});

describe("the end of a lane", () => {
  it("closes connections that wait for nothing, after the client's patience or at once", async () => {
    const { server, drain } = await serve();
    const { socket, got, ended } = await client(server);
    socket.write(raw("abc"));
    await until(() => expect(got()).toContain("abc"));
    drain();
    await until(() => expect(ended()).toBe(true));
  });

  it("answers what is under way and what is half here, and says that it closes", async () => {
    const { server, asked, drain, lane } = await serve(false);
    const [one, other] = [await client(server), await client(server)];
    one.socket.write(raw("abc"));
    const late = raw("late");
    other.socket.write(late.slice(0, -2));
    await until(() => expect(asked.length).toBe(1));
    expect(lane.inFlight()).toEqual([expect.stringMatching(/^POST infer of m from 127/)]);
    drain();
    answer(asked[0] as Asked);
    await until(() => expect(one.ended()).toBe(true));
    expect(one.got()).toMatch(/Connection: close\r\n\r\n.*abc$/s);
    other.socket.write(late.slice(-2));
    await until(() => expect(asked.length).toBe(2));
    answer(asked[1] as Asked);
    await until(() => expect(other.ended()).toBe(true));
    expect(other.got()).toMatch(/Connection: close\r\n\r\n.*late$/s);
  });

  it("begins nothing more for a client that goes on sending, and loses nothing that was begun", async () => {
    const { server, asked, drain } = await serve(false);
    const { socket, got, ended } = await client(server);
    socket.write(raw("one") + raw("two"));
    await until(() => expect(asked.length).toBe(2));
    drain();
    for (let at = 0; at < 50; at += 1) {
      socket.write(raw("more"));
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const each of asked) answer(each);
    await until(() => expect(ended()).toBe(true));
    expect(asked.length).toBe(2);
    expect(bodies(got())).toEqual(["one", "two"]);
    expect(got().match(/Connection: (keep-alive|close)/g)).toEqual([
      "Connection: keep-alive",
      "Connection: close",
    ]);
  });

  it("does not count the time of an execution as quiet", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    ends.push(() => vi.useRealTimers());
    const { server, asked } = await serve(false);
    const { socket, got, ended } = await client(server);
    socket.write(raw("slow"));
    await until(() => expect(asked.length).toBe(1));
    vi.advanceTimersByTime(200_000);
    answer(asked[0] as Asked);
    await until(() => expect(got()).toMatch(/slow$/));
    vi.advanceTimersByTime(5_000);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(ended()).toBe(false);
  });

  it("closes a connection that has long been quiet", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    ends.push(() => vi.useRealTimers());
    const { server } = await serve();
    const { ended } = await client(server);
    await new Promise((resolve) => setTimeout(resolve, 20));
    vi.advanceTimersByTime(200_000);
    await until(() => expect(ended()).toBe(true));
  });
});

describe("a connection over TLS", () => {
  async function secure() {
    const folder = mkdtempSync(join(tmpdir(), "beamgate-lane-"));
    const root = new TestAuthority(folder, "root");
    const { cert, key } = root.server();
    const ca = readFileSync(root.certPath);
    rmSync(folder, { recursive: true });
    const served = await serve(true, new ByteBudget(2 ** 20), (listener) =>
      createTlsServer({ cert, key }, listener),
    );
    const open = (port: number) => connectTls({ port, host: "127.0.0.1", ca });
    return { ...served, connected: () => client(served.server, open) };
  }

  it("is read by the lane, in records of any size, until something else comes", async () => {
    const { connected, atNode, asked } = await secure();
    const { socket, got } = await connected();
    socket.setNoDelay(true);
    for (const byte of raw("slow")) socket.write(byte);
    socket.write(raw("one") + raw("two"));
    await until(() => expect(bodies(got())).toEqual(["slow", "one", "two"]));
    expect([asked.length, atNode]).toEqual([3, []]);
    // The rest of a record that was read already goes to Node with its connection.
    socket.write(`${raw("three")}GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n${raw("four")}`);
    await until(() => expect(atNode).toEqual(["GET ", "POST four"]));
    expect(asked.length).toBe(4);
    socket.write("GET /more HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => expect(atNode.length).toBe(3));
  });

  it("ends with its last answer when the lane drains", async () => {
    const { connected, drain } = await secure();
    const idle = await connected();
    idle.socket.write(raw("done"));
    await until(() => expect(idle.got()).toMatch(/done$/));
    drain();
    await until(() => expect(idle.ended()).toBe(true));
  });
});
