/**
 * CMSSW starts its fallback server with a script, cmsTriton: it looks for the
 * program by name, asks for three ports in a row, reads the log to learn how it
 * went, and tries the next three when one was taken. Told from what is public
 * about that script; here the program it finds is the gateway.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadInferenceDefinition } from "../../src/grpc/rpc/definition.ts";
import { packageRoot } from "../../src/package-root.ts";

const { service } = loadInferenceDefinition();
const LOG_FLAGS = ["--log-verbose=1", "--log-error=1", "--log-warning=1", "--log-info=1"];
const READY = "Started GRPCInferenceService";
const CLASH = "Address already in use";

let folder: string;
/** A second repository, as it is repeated on the line. */
let more: string;
let taken: Server;
const started: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-cms-"));
  symlinkSync(join(packageRoot, "src/cli/beamgate.mjs"), join(folder, "tritonserver"));
  more = mkdtempSync(join(folder, "more-"));
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  for (const child of started) child.kill("SIGKILL");
  await new Promise((resolve) => taken.close(resolve));
  rmSync(folder, { recursive: true });
});

/** One attempt: the server's log once it serves, or its exit code. */
async function attempt(base: number) {
  const logFile = join(folder, `log-${base}`);
  const log = openSync(logFile, "w");
  const ports = ["http", "grpc", "metrics"].map((name, i) => `--${name}-port=${base + i}`);
  const repositories = [join(packageRoot, "models"), more];
  const child = spawn(
    "tritonserver",
    [
      ...repositories.map((root) => `--model-repository=${root}`),
      "--model-control-mode=explicit",
      ...ports,
      ...LOG_FLAGS,
    ],
    {
      stdio: ["ignore", log, log],
      env: { PATH: [folder, dirname(process.execPath), process.env["PATH"]].join(delimiter) },
    },
  );
  closeSync(log);
  started.push(child);
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  for (;;) {
    const text = readFileSync(logFile, "utf8");
    if (text.includes(READY)) return { child, exited, text, base };
    if (text.includes(CLASH)) return { child, exited, text, base, clash: true };
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}:\n${text}`);
    await sleep(50);
  }
}

/** As the script: the next three ports until no one of them is taken. */
async function startAsCms(first: number) {
  const attempts = [await attempt(first)];
  while (attempts.at(-1)?.clash === true) {
    await attempts.at(-1)?.exited;
    attempts.push(await attempt((attempts.at(-1)?.base ?? 0) + 3));
  }
  return attempts;
}

function asker(port: number) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const ask = (rpc: string, request: object = {}) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const method = service[rpc];
      if (method === undefined) throw new Error(`no RPC ${rpc}`);
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize as (value: object) => Buffer,
        method.responseDeserialize as (bytes: Buffer) => Record<string, unknown>,
        request,
        (error: ServiceError | null, answer) => (error ? reject(error) : resolve(answer ?? {})),
      );
    });
  return { ask, close: () => client.close() };
}

describe("cmsTriton, with the gateway as its tritonserver", { timeout: 120_000 }, () => {
  it("moves on to the next ports after a clash, and then loads, uses and unloads a model", async () => {
    const port = (taken.address() as AddressInfo).port;
    const attempts = await startAsCms(port - 1); // the gRPC port of the first three
    expect(attempts.length).toBeGreaterThan(1);
    expect(await attempts[0]?.exited).not.toBe(0);

    const { child, exited, base = 0, text = "" } = attempts.at(-1) ?? {};
    expect(text).toContain(`Started GRPCInferenceService at 127.0.0.1:${base + 1}`);
    const { ask, close } = asker(base + 1);
    expect(await ask("ServerLive")).toEqual({ live: true });
    const index = await ask("RepositoryIndex");
    expect(index["models"]).toContainEqual(expect.objectContaining({ name: "simple" }));
    await ask("RepositoryModelLoad", { model_name: "simple" });
    const data = Buffer.from(Int32Array.from({ length: 16 }, (_, i) => i).buffer);
    const input = { datatype: "INT32", shape: [1, 16] };
    const answer = await ask("ModelInfer", {
      model_name: "simple",
      inputs: ["INPUT0", "INPUT1"].map((name) => ({ name, ...input })),
      outputs: [{ name: "OUTPUT0" }],
      raw_input_contents: [data, data],
      // What the C++ client sends with every request.
      parameters: { triton_enable_empty_final_response: { bool_param: false } },
    });
    const [sums] = answer["raw_output_contents"] as Buffer[];
    expect(sums?.readInt32LE(15 * 4)).toBe(30);
    await ask("RepositoryModelUnload", { model_name: "simple" });
    expect(await ask("ModelReady", { name: "simple" })).toEqual({ ready: false });
    close();

    child?.kill("SIGTERM");
    expect(await exited).toBe(0);
  });
});
