/** Gateways that cannot be called join one that can: what its clients notice of them, and of their end. */

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { InferClient } from "../support/infer-client.ts";
import { encodeQuestion } from "../support/infer-messages.ts";
import { scrape, sum } from "../support/metrics.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";
import { eventually } from "../support/process-tree.ts";

const STORY_MS = 180_000;
const JETS = { name: "jets", maxBatchSize: 64, dims: [4], more: "dynamic_batching { }" };
const folder = mkdtempSync(join(tmpdir(), "beamgate-dial-in-story-"));
const farModels = temporaryRepository();
const nearModels = temporaryRepository();
farModels.add("jets", echoConfig({ ...JETS, delayMs: 5 }));
nearModels.add("jets", echoConfig(JETS).replace('backend: "echo"', 'backend: "remote"'));
const running: GatewayProcess[] = [];
afterAll(async () => {
  await Promise.all(running.map((gateway) => gateway.stop()));
  for (const models of [farModels, nearModels]) models.remove();
  rmSync(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

async function start(models: string, flags: readonly string[]): Promise<GatewayProcess> {
  const gateway = await startGateway({ repositories: [models], flags });
  running.push(gateway);
  return gateway;
}

const question = encodeQuestion({
  model: "jets",
  inputs: [
    {
      name: "INPUT0",
      datatype: "FP32",
      shape: [1, 4],
      data: new Uint8Array(Float32Array.of(7, 1, 2, 3).buffer),
    },
  ],
});

it("a worker whose batch job ends drains without an error, and a new one takes over", {
  timeout: STORY_MS,
}, async () => {
  const secret = join(folder, "secret");
  writeFileSync(secret, "0123456789abcdef0123456789abcdef\n");
  const config = join(folder, "beamgate.json");
  const options = { healthMs: 200 };
  writeFileSync(config, JSON.stringify({ backends: [{ kind: "remote", options }] }));
  const port = await freePort();
  const near = await start(nearModels.folder, [
    ...["--config", config, "--dial-in-port", String(port), "--dial-in-places", "2"],
    ...["--dial-in-secret-file", secret],
  ]);
  const joining = (name: string, walltimeSecs: number) =>
    start(farModels.folder, [
      ...["--join", `127.0.0.1:${port}`, "--join-secret-file", secret, "--join-name", name],
      ...["--join-walltime-secs", String(walltimeSecs), "--join-leave-secs", "15"],
    ]);
  const first = await joining("job1", 40);
  const ready = `http://127.0.0.1:${near.httpPort}/v2/models/jets/ready`;
  await expect.poll(async () => (await fetch(ready)).status, { timeout: 60_000 }).toBe(200);

  const errors: unknown[] = [];
  let answered = 0;
  let stop = false;
  const clients = Array.from({ length: 16 }, () => new InferClient(near.grpcPort));
  const load = clients.map(async (client) => {
    while (!stop) {
      await client.infer(question, 60_000).catch((error: unknown) => errors.push(error));
      answered += 1;
    }
  });
  await eventually(() => answered > 100, 60_000);
  const second = await joining("job2", 3600);
  const exit = await first.exited;
  expect(exit, first.log()).toEqual({ code: 0, signal: null });
  expect(first.log()).toMatch(/the batch job ends in 15 s: finishing requests in flight/);
  const then = answered;
  await eventually(() => answered > then + 200, 60_000);
  stop = true;
  await Promise.all(load);
  for (const client of clients) client.close();
  expect(errors.map(String)).toEqual([]);
  expect(near.log()).toMatch(/job1 joined from .* stands on dial-in-1 for \d+ s/);
  expect(near.log()).toMatch(/job1 has left dial-in-1/);
  const samples = await scrape(near.metricsPort);
  expect(sum(samples, "beamgate_dial_in_place", { state: "joined" })).toBe(1);
  expect(sum(samples, "beamgate_dial_in_remaining_seconds")).toBeGreaterThan(3000);
  expect(sum(await scrape(second.metricsPort), "nv_inference_count")).toBeGreaterThan(100);
});
