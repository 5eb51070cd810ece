/**
 * autocannon on the infer route with a binary tensor. Arguments: port, path, file
 * with the body, bytes of its JSON header, connections, requests in flight on
 * each, seconds of warm-up, seconds measured. Prints `measuring` and a `report`.
 */
import { readFileSync } from "node:fs";
import { argv, cpuUsage } from "node:process";
import autocannon from "autocannon";
import { print } from "./print.ts";

const [port = "", path = "", file = "", headerBytes = "", ...numbers] = argv.slice(2);
const [connections = 4, pipelining = 16, warmupS = 0.5, seconds = 2] = numbers.map(Number);

const shoot = (duration: number) =>
  autocannon({
    url: `http://127.0.0.1:${port}${path}`,
    method: "POST",
    body: readFileSync(file),
    headers: { "inference-header-content-length": headerBytes },
    connections,
    pipelining,
    duration,
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
