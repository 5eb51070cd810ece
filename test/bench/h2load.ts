/** nghttp2's h2load as the load client: C, and nobody can say that we measured with our own ruler. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { framedMessage } from "../../loadtest/drivers/raw-http2/request-template.ts";
import { cpuMark, type LoadClient } from "./load.ts";

export function h2loadInstalled(): boolean {
  return spawnSync("h2load", ["--version"]).status === 0;
}

/** It looks at HTTP's status only: an error inside gRPC's trailers counts as an answer here. */
export const h2loadClient: LoadClient = async (server, load) => {
  const child = spawn(
    "h2load",
    [
      ...["-c", String(load.connections), "-t", "1"],
      ...["-m", String(Math.ceil(load.concurrency / load.connections))],
      ...["-D", inMs(load.seconds), "--warm-up-time", inMs(load.warmupS)],
      ...[
        "-d",
        framedFile(load.body),
        "-H",
        "content-type: application/grpc",
        "-H",
        "te: trailers",
      ],
      `http://127.0.0.1:${server.port}/inference.GRPCInferenceService/ModelInfer`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  let before = cpuMark(server);
  const warm = setTimeout(() => {
    before = cpuMark(server);
  }, load.warmupS * 1000);
  const [status] = await once(child, "close");
  clearTimeout(warm);
  const after = cpuMark(server);
  const requestsPerSecond = Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1] ?? 0);
  if (status !== 0 || requestsPerSecond === 0) {
    throw new Error(`h2load ended with status ${status}:\n${output.slice(-1000)}`);
  }
  const failed = Number(/(\d+) failed/.exec(output)?.[1] ?? 0);
  const thousands = (requestsPerSecond * load.seconds) / 1000;
  return {
    requestsPerSecond,
    failed,
    errors: failed > 0 ? { "h2load: failed": failed } : {},
    cpu: {
      server: (after.server - before.server) / thousands,
      workers: (after.workers - before.workers) / thousands,
    },
  };
};

/** h2load knows no gRPC: the message's prefix has to stand in the file. */
function framedFile(body: string): string {
  const file = `${body}.grpc`;
  if (!existsSync(file)) writeFileSync(file, framedMessage(readFileSync(body)));
  return file;
}

/** h2load takes whole numbers with a unit only. */
function inMs(seconds: number): string {
  return `${Math.round(seconds * 1000)}ms`;
}
