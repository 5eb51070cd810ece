/**
 * `main.js [--port N] [--law LAW] [--seed N] [--http]`: a null server as a process. Prints `{"port": N}`, and, once its
 * input has ended, `{"served": ...}`: an HdrHistogram of how long its answers really took.
 */
import { argv, exit, stderr, stdout } from "node:process";
import { parseArgs } from "node:util";
import type { Latencies } from "../../measure/latencies.ts";
import { startNullHttp } from "./null-http.ts";
import { startNullServer } from "./null-server.ts";
import { parseLaw } from "./service-law.ts";

interface Server {
  readonly port: number;
  readonly served?: Latencies;
}

try {
  const { values } = parseArgs({
    args: argv.slice(2),
    options: {
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "0" },
      law: { type: "string", default: "none" },
      seed: { type: "string", default: "1" },
      http: { type: "boolean", default: false },
    },
  });
  const { host } = values;
  const port = Number(values.port);
  const server: Server = values.http
    ? await startNullHttp(host, port)
    : await startNullServer({ host, port, law: parseLaw(values.law), seed: Number(values.seed) });
  stdout.write(`${JSON.stringify({ port: server.port })}\n`);
  // A server nobody ends goes with the one who started it.
  const over = () => {
    stdout.write(`${JSON.stringify({ served: server.served?.encode() })}\n`, () => exit(0));
  };
  process.stdin.on("end", over).resume();
} catch (thrown) {
  stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  exit(1);
}
