/** Edge processes between the clients and the server. That they change nothing else is shown by the project `edges`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { queryObjects } from "node:v8";
import { credentials, status } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { Line } from "../../src/grpc/edge/line.ts";
import { Asked, EDGE_ITSELF, Told } from "../../src/grpc/edge/words.ts";
import type { GrpcServerOptions } from "../../src/grpc/transport/options.ts";
import { GrpcServer } from "../../src/grpc/transport/server.ts";
import { packageRoot } from "../../src/package-root.ts";
import { isAlive as alive } from "../support/process-tree.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
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

async function start(count = 2, more: Partial<GrpcServerOptions> = {}) {
  const server = new GrpcServer(serverOptions({ edges: { count, entry: EDGE_ENTRY }, ...more }));
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

/** However busy the machine is. */
const PATIENT = { timeout: 20_000 };

/** Connections that say nothing. */
function sockets(port: number, count: number): Socket[] {
  const made = Array.from({ length: count }, () => connect(port, "127.0.0.1").resume());
  closers.push(() => {
    for (const socket of made) socket.on("error", () => {}).destroy();
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

  it("close, when they die, also those connections that were on their way to them", async () => {
    const { server, port } = await start(1);
    const [edge = 0] = pids(server);
    process.kill(edge, "SIGSTOP");
    const clients = sockets(port, 4);
    const closed = clients.map((socket) =>
      once(
        socket.on("error", () => {}),
        "close",
      ),
    );
    await expect.poll(() => server.stats().edges[0]?.connections, PATIENT).toBe(4);
    process.kill(edge, "SIGKILL");
    await Promise.all(closed);
    // Nor does the server wait for them.
    await server.stop();
  });

  it("leave nothing here of connections that are over", async () => {
    const { server, port } = await start();
    const count = () => queryObjects(Socket, { format: "count" });
    const some = async () => {
      for (const socket of sockets(port, 20)) {
        await once(socket, "connect");
        socket.destroy();
      }
      await expect
        .poll(() => server.stats().edges.map(({ connections }) => connections), PATIENT)
        .toEqual([0, 0]);
      // Nor here.
      closers.pop();
    };
    await some();
    const before = count();
    for (let times = 0; times < 3; times++) await some();
    await expect.poll(count, PATIENT).toBeLessThan(before + 20);
  });

  it("say that they live when they are asked", async () => {
    const stdio = ["ignore", "inherit", "inherit", "pipe", "ipc"] as const;
    const edge = spawn(process.execPath, [EDGE_ENTRY], { stdio: [...stdio] });
    closers.push(() => edge.kill("SIGKILL"));
    const settings = { names: [], asks: false, receiveWindowBytes: 1, streamWindowBytes: 1 };
    edge.send({ kind: "settings", settings });
    await once(edge, "message");
    const heard = await new Promise((resolve) => {
      const line = new Line(edge.stdio[3] as unknown as Socket, {
        frame: (type, _flags, connection) => resolve([type, connection]),
        closed() {},
      });
      line.say(Asked.PING, EDGE_ITSELF);
    });
    expect(heard).toEqual([Told.PONG, EDGE_ITSELF]);
  });

  it("are left alone as long as something is heard of them, and replaced when they hang", async () => {
    const clock = new VirtualClock();
    const { server, port } = await start(1, { clock });
    const [client] = clients(port, 1);
    const [edge = 0] = pids(server);
    for (let second = 0; second < 15; second++) {
      await clock.advance(1_000);
      expect((await client?.unary("Echo", { text: "a" }))?.message).toEqual({ text: "a" });
    }
    expect(pids(server)).toEqual([edge]);
    process.kill(edge, "SIGSTOP");
    await clock.advance(15_000);
    await expect.poll(() => alive(edge), PATIENT).toBe(false);
    await expect.poll(() => pids(server), PATIENT).toEqual([0]);
    await clock.advance(1_000);
    await expect.poll(() => server.stats().edges[0]?.ready, PATIENT).toBe(true);
    expect(pids(server)).not.toEqual([edge]);
  });

  it("are replaced as soon as there are descriptors for them again", async () => {
    const script = `
      const { closeSync, openSync } = await import("node:fs");
      const { Edges } = await import(process.argv[1] + "/dist/src/grpc/edge/edges.js");
      const { systemClock: clock } = await import(process.argv[1] + "/dist/src/clock.js");
      const open = [];
      const takeAll = () => { try { for (;;) open.push(openSync("/dev/null")); } catch {} };
      const whys = [];
      const error = (message, { why }) => {
        if (why === undefined) return;
        whys.push(why);
        if (whys.length === 1) takeAll();
        if (whys.length === 3) for (const fd of open.splice(0)) closeSync(fd);
      };
      const log = { debug() {}, info() {}, warn() {}, error };
      const settings = { names: [], asks: false, receiveWindowBytes: 1, streamWindowBytes: 1 };
      const edges = new Edges({ count: 1, entry: process.argv[2], settings, clock, log }, () => {});
      await edges.start();
      process.kill(edges.stats()[0].pid, "SIGKILL");
      while (!(edges.stats()[0].ready && whys.length >= 3)) await new Promise((next) => setTimeout(next, 10));
      console.log(JSON.stringify(whys));
      await edges.stop();`;
    const limited = `ulimit -n 256; exec "$0" --input-type=module -e "$1" "$2" "$3"`;
    const command = [limited, process.execPath, script, packageRoot, EDGE_ENTRY];
    const gateway = spawn("sh", ["-c", ...command], { stdio: ["ignore", "pipe", "inherit"] });
    closers.push(() => gateway.kill("SIGKILL"));
    let told = "";
    gateway.stdout.on("data", (text: Buffer) => {
      told += text;
    });
    expect(await once(gateway, "exit")).toEqual([0, null]);
    const none = "no file descriptors are left to start it";
    expect(JSON.parse(told)).toEqual(["SIGKILL", none, none]);
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
