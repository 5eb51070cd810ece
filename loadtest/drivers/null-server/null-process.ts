/** A null server as a process of its own: on a core that is not the generator's. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../../../src/package-root.ts";
import { Latencies } from "../../measure/latencies.ts";

const ENTRY = join(packageRoot, "dist", "loadtest", "drivers", "null-server", "main.js");

export interface NullProcess {
  readonly port: number;
  readonly pid: number;
  /** @returns how long its answers really took; undefined where it kept nothing */
  stop(): Promise<Latencies | undefined>;
}

/** Then it is killed. */
const END_LIMIT_MS = 2000;

/** @param flags of `main.ts`. @throws Error with what it said when it does not start */
export async function startNullProcess(flags: readonly string[] = []): Promise<NullProcess> {
  const child = spawn(process.execPath, [ENTRY, ...flags], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = await lines.next();
  if (line.done === true) throw new Error(`the null server did not start: ${said.trim()}`);
  const { port } = JSON.parse(line.value) as { readonly port: number };
  return {
    port,
    pid: child.pid ?? 0,
    async stop() {
      child.stdin.on("error", () => undefined).end(); // it may be gone
      const late = setTimeout(() => child.kill("SIGKILL"), END_LIMIT_MS);
      const last = await lines.next();
      await ended;
      clearTimeout(late);
      if (last.done === true) return undefined;
      const { served } = JSON.parse(last.value) as { readonly served?: string };
      return served === undefined ? undefined : Latencies.decode(served);
    },
  };
}
