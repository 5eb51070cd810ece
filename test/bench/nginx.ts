/** nginx as what sites put in front of a server today: `grpc_pass`, one worker, in a temporary folder. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getuid } from "node:process";
import { freePort } from "../support/free-port.ts";
import { descendantsOf } from "../support/process-usage.ts";
import type { ControlServer } from "./child.ts";

const START_LIMIT_MS = 10_000;

export function nginxInstalled(): boolean {
  return spawnSync("nginx", ["-v"]).status === 0;
}

/** Connections to the far server are kept, as many as there are calls at a time. */
function configuration(folder: string, port: number, farPort: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
    daemon off;
    worker_processes 1;
    ${getuid?.() === 0 ? "user root root;" : ""}
    pid ${folder}/pid;
    error_log stderr warn;
    events { worker_connections 1024; }
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n      ")}
      upstream far { server 127.0.0.1:${farPort}; keepalive 256; keepalive_requests 1000000000; }
      server {
        listen 127.0.0.1:${port} http2;
        keepalive_requests 1000000000;
        http2_max_concurrent_streams 1024;
        client_max_body_size 0;
        location / { grpc_pass grpc://far; }
      }
    }`;
}

/** @throws Error with what nginx printed where it does not start */
export async function startNginx(farPort: number): Promise<ControlServer> {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-nginx-"));
  mkdirSync(join(folder, "logs"));
  const port = await freePort();
  writeFileSync(join(folder, "nginx.conf"), configuration(folder, port, farPort));
  const child = spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-2000);
  });
  const exited = once(child, "exit");
  const stop = async () => {
    if (child.exitCode === null) {
      child.kill("SIGTERM");
      await exited;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const end = performance.now() + START_LIMIT_MS;
  while (!(await listens(port))) {
    if (child.exitCode === null && performance.now() < end) continue;
    await stop();
    throw new Error(`nginx does not listen on port ${port}:\n${output}`);
  }
  const pid = child.pid ?? 0;
  return { port, pid, workers: () => descendantsOf(pid), stop };
}

async function listens(port: number): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
