/** A null server as a process of its own: on a core that is not the generator's. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../../../src/package-root.ts";

const ENTRY = join(packageRoot, "dist", "loadtest", "drivers", "null-server", "main.js");

export interface NullProcess {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** @param flags of `main.ts`. @throws Error with what it said when it does not start */
export async function startNullProcess(flags: readonly string[] = []): Promise<NullProcess> {
  const child = spawn(process.execPath, [ENTRY, ...flags], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = once(child, "exit");
  const first = once(createInterface({ input: child.stdout }), "line");
  const line = await Promise.race([first, ended.then(() => undefined)]);
  if (line === undefined) throw new Error(`the null server did not start: ${said.trim()}`);
  const { port } = JSON.parse(String(line[0])) as { readonly port: number };
  return {
    port,
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
