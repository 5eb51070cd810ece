/** The commands of README's "Workers that nobody can call", as they are written: only ports, hosts and folders are others. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import { freePort } from "../support/free-port.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { temporaryFolder } from "../support/identity/tenants-gateway.ts";
import { scrape, sum } from "../support/metrics.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";

const STORY_MS = 120_000;
const SECONDS_OF_THE_JOB = 40;
const folder = temporaryFolder();
const [nearModels, farModels] = [temporaryRepository(), temporaryRepository()];
const running: GatewayProcess[] = [];
afterAll(async () => {
  await Promise.all(running.map((gateway) => gateway.stop()));
  for (const models of [nearModels, farModels]) models.remove();
  folder.remove();
});

/** The commands of the section's only block, a line each. */
function commands(): readonly string[] {
  const readme = readFileSync(join(packageRoot, "README.md"), "utf8");
  const [, section = ""] = readme.split("### Workers that nobody can call\n");
  const [, block = ""] = /```sh\n(.*?)```/s.exec(section) ?? [];
  return block
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** What a shell makes of it. */
function inShell(command: string, env: Readonly<Record<string, string>> = {}): string {
  return execFileSync("bash", ["-euc", command], {
    cwd: folder.path,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
}

/** Flags of a command that begins with `npm start --`. */
function flagsOf(command: string, port: number, env: Readonly<Record<string, string>> = {}) {
  const [, flags = ""] = /^npm start -- (.*)$/.exec(command) ?? [];
  const here = flags
    .replace("gateway.example.org", "localhost")
    .replaceAll("8003", String(port))
    .replaceAll("dial-in.secret", join(folder.path, "dial-in.secret"));
  return inShell(`printf '%s\\n' ${here}`, env).trimEnd().split("\n");
}

async function start(models: string, flags: readonly string[]): Promise<GatewayProcess> {
  const gateway = await startGateway({ repositories: [models], flags });
  running.push(gateway);
  return gateway;
}

describe("README's commands for workers that nobody can call", { timeout: STORY_MS }, () => {
  it("have a model of the worker served by the gateway until the worker's job ends", async () => {
    const [secret = "", gateway = "", node = "", ...more] = commands();
    expect(more).toEqual([]);
    inShell(secret);
    const port = await freePort();
    nearModels.add("near", echoConfig({ name: "near", maxBatchSize: 8, dims: [2] }));
    farModels.add("far", echoConfig({ name: "far", maxBatchSize: 8, dims: [2] }));
    const near = await start(nearModels.folder, flagsOf(gateway, port));
    const job = {
      SLURM_JOB_ID: "4711",
      SLURM_JOB_END_TIME: String(Math.floor(Date.now() / 1000) + SECONDS_OF_THE_JOB),
    };
    const far = await start(farModels.folder, flagsOf(node, port, job));

    const url = `http://127.0.0.1:${near.httpPort}/v2/models/far`;
    const ready = async () => (await fetch(`${url}/ready`)).status;
    await expect.poll(ready, { timeout: STORY_MS }).toBe(200);
    const inputs = [{ name: "INPUT0", datatype: "FP32", shape: [1, 2], data: [1, 2] }];
    const body = JSON.stringify({ inputs });
    const answer = await (await fetch(`${url}/infer`, { method: "POST", body })).json();
    expect(answer).toMatchObject({ parameters: { beamgate_device: "remote:dial-in-1" } });
    expect(answer).toMatchObject({ outputs: [{ data: [1, 2] }] });
    const samples = await scrape(near.metricsPort);
    expect(sum(samples, "beamgate_dial_in_place", { state: "joined" })).toBe(1);
    expect(sum(samples, "beamgate_dial_in_remaining_seconds")).toBeGreaterThan(0);

    expect(await far.exited, far.log()).toEqual({ code: 0, signal: null });
    await expect.poll(() => near.log(), { timeout: STORY_MS }).toContain("4711 has left dial-in-1");
    expect((await fetch(`http://127.0.0.1:${near.httpPort}/v2/health/live`)).status).toBe(200);
    // What is said of a place where nobody stands is what is the matter with it.
    const said = near.log().match(/dial-in-[2-4]: UNAVAILABLE: [^"]*/g) ?? [];
    expect(said.length).toBeGreaterThan(0);
    const vacant = "UNAVAILABLE: nobody answers at its socket: no server has joined there";
    expect(said.filter((text) => !text.endsWith(vacant))).toEqual([]);
  });
});
