/** Edge processes between the clients and the server. That they change nothing else is shown by the project `edges`. */
import { setTimeout as sleep } from "node:timers/promises";
import { credentials, status } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { GrpcServer } from "../../src/grpc/transport/server.ts";
import { isAlive as alive } from "../support/process-tree.ts";
import {
  definition,
  EDGE_ENTRY,
  implementation,
  serverOptions,
  TestClient,
} from "./transport-service.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start() {
  const server = new GrpcServer(serverOptions({ edges: { count: 2, entry: EDGE_ENTRY } }));
  server.addService(definition, implementation());
  closers.push(() => server.stop());
  const { port } = await server.listen();
  return { server, port };
}

/** Each on a connection of its own. */
function clients(port: number, count: number): TestClient[] {
  const made = Array.from(
    { length: count },
    () =>
      new TestClient(port, credentials.createInsecure(), {
        "grpc.use_local_subchannel_pool": 1,
        "grpc.max_receive_message_length": -1,
      }),
  );
  closers.push(() => {
    for (const client of made) client.close();
  });
  return made;
}

const pids = (server: GrpcServer) => server.stats().edges.map(({ pid }) => pid ?? 0);

describe("edges", () => {
  it("share the connections evenly, and end with the server", async () => {
    const { server, port } = await start();
    const answers = clients(port, 6).map((client, n) => client.unary("Echo", { text: `t${n}` }));
    expect((await Promise.all(answers)).map(({ message }) => message?.text)).toEqual([
      "t0",
      "t1",
      "t2",
      "t3",
      "t4",
      "t5",
    ]);
    expect(server.stats().edges.map(({ connections }) => connections)).toEqual([3, 3]);
    const edges = pids(server);
    expect(edges.map(alive)).toEqual([true, true]);
    await server.stop();
    expect(edges.map(alive)).toEqual([false, false]);
  });

  it("die alone: clients of the other notice nothing, the others connect again, another takes its place", async () => {
    const { server, port } = await start();
    const all = clients(port, 4);
    const say = () => Promise.all(all.map((client) => client.unary("Echo", { text: "a" })));
    await say();
    const [first = 0, second = 0] = pids(server);
    process.kill(first, "SIGKILL");
    await expect.poll(() => server.stats().connections).toBe(2);
    const codes = (await say()).map(({ error }) => error?.code ?? status.OK);
    expect(codes.filter((code) => code === status.OK).length).toBeGreaterThanOrEqual(2);
    await expect
      .poll(async () => (await say()).map(({ error }) => error?.code ?? status.OK), {
        timeout: 30_000,
      })
      .toEqual([status.OK, status.OK, status.OK, status.OK]);
    await expect.poll(() => server.stats().edges[0]?.ready, { timeout: 30_000 }).toBe(true);
    expect(server.stats().edges.map(({ restarts }) => restarts)).toEqual([1, 0]);
    expect(pids(server)[1]).toBe(second);
  });

  it("pass answers on that are longer than any window, and messages that are, to slow readers too", async () => {
    const { server, port } = await start();
    const [client] = clients(port, 1);
    const text = "0123456789".repeat(2_000_000);
    const answers = await Promise.all([1, 2, 3].map(() => client?.unary("Echo", { text })));
    for (const answer of answers) expect(answer?.message?.text === text).toBe(true);
    await expect.poll(() => server.stats().pendingBytes).toBe(0);
    expect(server.stats()).toMatchObject({ callsInFlight: 0, heldBytes: 0, backlogBytes: 0 });
  });

  it("that hang are ended with the server all the same", async () => {
    const { server } = await start();
    const edges = pids(server);
    process.kill(edges[0] ?? 0, "SIGSTOP");
    await server.stop();
    expect(edges.map(alive)).toEqual([false, false]);
  });

  it("that cannot start are told, and the port is not taken", async () => {
    const entry = `${EDGE_ENTRY}.missing`;
    const server = new GrpcServer(serverOptions({ edges: { count: 1, entry } }));
    await expect(server.listen()).rejects.toThrow("ended as it started");
    // And nobody goes on trying.
    await sleep(300);
    expect(server.stats().edges.map(({ pid, restarts }) => [pid, restarts])).toEqual([
      [undefined, 0],
    ]);
  });
});
