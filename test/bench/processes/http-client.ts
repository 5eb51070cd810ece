/**
 * autocannon on the infer route with a binary tensor. Arguments: port, path, file
 * with the body, bytes of its JSON header, connections, requests in flight on
 * each, seconds of warm-up, seconds measured. Prints `measuring` and a `report`.
 */
import type { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { argv, cpuUsage } from "node:process";
import autocannon from "autocannon";
import { print } from "./print.ts";

const [port = "", path = "", file = "", headerBytes = "", ...numbers] = argv.slice(2);
const [connections = 4, pipelining = 16, warmupS = 0.5, seconds = 2] = numbers.map(Number);

/**
 * autocannon writes each request by itself, in a system call of its own; what it writes in answer to one read goes
 * out in one here, as with the client over gRPC that it is compared with.
 */
function joinWrites(given: autocannon.Client): void {
  const client = given as EventEmitter & { readonly conn?: Socket };
  client.on("request", () => {
    const { conn } = client;
    if (conn === undefined || conn.writableCorked > 0) return;
    conn.cork();
    process.nextTick(() => conn.uncork());
  });
}

const shoot = (duration: number) =>
  autocannon({
    url: `http://127.0.0.1:${port}${path}`,
    method: "POST",
    body: readFileSync(file),
    headers: { "inference-header-content-length": headerBytes },
    connections,
    pipelining,
    duration,
    setupClient: joinWrites,
  });

await shoot(Math.max(1, warmupS));
print({ event: "measuring" });
const before = cpuUsage();
const result = await shoot(seconds);
const cpu = cpuUsage(before);
print({
  event: "report",
  answered: result["2xx"],
  failed: result.non2xx + result.errors + result.timeouts,
  requestsPerSecond: result["2xx"] / result.duration,
  p50Ms: result.latency.p50,
  p99Ms: result.latency.p99,
  clientCpuSeconds: (cpu.user + cpu.system) / 1e6,
});
