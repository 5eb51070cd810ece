/** A gateway whose edge processes speak with its clients: they are batched together all the same, and the death of an edge is its clients' alone. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { InferClient } from "../support/infer-client.ts";
import { encodeQuestion } from "../support/infer-messages.ts";
import { scrape } from "../support/metrics.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";
import { childrenOf, commandOf, isAlive } from "../support/process-tree.ts";

const repository = temporaryRepository();
let gateway: GatewayProcess;
const clients: InferClient[] = [];

beforeAll(async () => {
  const patient =
    "dynamic_batching { preferred_batch_size: [8] max_queue_delay_microseconds: 5000000 }";
  repository.add(
    "together",
    echoConfig({ name: "together", maxBatchSize: 8, dims: [1], more: patient }),
  );
  repository.add("alone", echoConfig({ name: "alone", maxBatchSize: 8, dims: [1] }));
  gateway = await startGateway({ repositories: [repository.folder], flags: ["--grpc-edges", "2"] });
  for (let n = 0; n < 8; n++) clients.push(new InferClient(gateway.grpcPort));
});
afterAll(async () => {
  for (const client of clients) client.close();
  await gateway?.stop();
  repository.remove();
});

function question(model: string, value: number): Buffer {
  const data = new Uint8Array(Float32Array.of(value).buffer);
  return encodeQuestion({
    model,
    inputs: [{ name: "INPUT0", datatype: "FP32", shape: [1, 1], data }],
  });
}

function outputValue(outputs: ReadonlyMap<string, Uint8Array>): number {
  const bytes = Buffer.from(outputs.get("OUTPUT0") ?? []);
  return bytes.length === 4 ? bytes.readFloatLE(0) : Number.NaN;
}

async function metric(name: string, labels: Readonly<Record<string, string>>): Promise<number[]> {
  return (await scrape(gateway.metricsPort))
    .filter((sample) => sample.name === name)
    .filter((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .map(({ value }) => value);
}

describe("edges", () => {
  it("bring requests of their clients into one batch", async () => {
    const answers = await Promise.all(
      clients.map((client, n) => client.infer(question("together", n), 60_000)),
    );
    expect(answers.map(({ outputs }) => outputValue(outputs))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await metric("beamgate_grpc_edge_connections", {})).toEqual([4, 4]);
    expect(await metric("nv_inference_exec_count", { model: "together" })).toEqual([1]);
  });

  it("die alone: who is at another loses nothing, who was there comes back", async () => {
    const edges = childrenOf(gateway.pid).filter((pid) => commandOf(pid).includes("edge/main"));
    expect(edges.length).toBe(2);
    const failed = clients.map(() => 0);
    let asked = 0;
    let over = false;
    const load = clients.map(async (client, n) => {
      while (!over) {
        asked++;
        const answer = await client.infer(question("alone", n)).catch(() => undefined);
        if (answer === undefined) failed[n] = (failed[n] ?? 0) + 1;
        else expect(outputValue(answer.outputs)).toBe(n);
      }
    });
    await expect.poll(() => asked, { timeout: 60_000 }).toBeGreaterThan(400);
    process.kill(edges[0] ?? 0, "SIGKILL");
    await expect
      .poll(() => metric("beamgate_grpc_edge_restarts_total", {}), { timeout: 60_000 })
      .toEqual([1, 0]);
    await expect
      .poll(() => metric("beamgate_grpc_edge_up", {}), { timeout: 60_000 })
      .toEqual([1, 1]);
    const then = asked;
    await expect.poll(() => asked, { timeout: 60_000 }).toBeGreaterThan(then + 400);
    over = true;
    await Promise.all(load);
    expect(failed.filter((count) => count === 0).length).toBeGreaterThanOrEqual(4);
    expect((await clients[0]?.infer(question("alone", 5)))?.model).toBe("alone");
  });

  it("end with a gateway that is killed", async () => {
    const edges = childrenOf(gateway.pid).filter((pid) => commandOf(pid).includes("edge/main"));
    process.kill(gateway.pid, "SIGKILL");
    await gateway.exited;
    await expect.poll(() => edges.some(isAlive), { timeout: 30_000 }).toBe(false);
  });
});
