import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { startNullServer } from "../null-server/null-server.ts";
import { GrpcControl } from "./grpc-control.ts";
import { HttpControl } from "./http-control.ts";
import { readStatistics, statisticsBetween } from "./statistics.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

describe("a server that knows the protocol and no more", () => {
  it("tells by gRPC who it is and what its model takes, and no statistics", async () => {
    const server = await startNullServer({ law: { kind: "none" } });
    closers.push(() => server.close());
    const control = new GrpcControl({ host: "127.0.0.1", port: server.port }, []);
    expect(await control.server()).toEqual({ name: "null server", version: "1", extensions: [] });
    expect(await control.model("null", "")).toEqual({
      name: "null",
      versions: ["1"],
      platform: "null",
      inputs: [{ name: "input", datatype: "FP32", shape: [-1, 16] }],
      outputs: [{ name: "score", datatype: "FP32", shape: [-1, 1] }],
      maxBatchSize: 16384,
      instances: undefined,
    });
    expect(await control.statistics("null", "")).toBeUndefined();
  });

  it("tells the same by HTTP", async () => {
    const metadata = { name: "m", versions: ["3"], platform: "p", inputs: [], outputs: [] };
    const server = createServer((request, response) => {
      const answer = { "/v2": { name: "s", version: "2" }, "/v2/models/m": metadata }[
        request.url ?? ""
      ];
      response.writeHead(answer ? 200 : 404).end(JSON.stringify(answer ?? { error: "no route" }));
    }).listen(0, "127.0.0.1");
    closers.push(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const control = new HttpControl({ host: "127.0.0.1", port }, []);
    expect(await control.server()).toEqual({ name: "s", version: "2", extensions: [] });
    expect(await control.model("m", "")).toEqual({
      ...metadata,
      maxBatchSize: undefined,
      instances: undefined,
    });
    expect(await control.statistics("m", "")).toBeUndefined();
    await expect(control.model("n", "")).rejects.toThrow("HTTP 404: no route");
  });
});

it("statistics between two looks are those of the time between", () => {
  const look = (rows: number, batches: number) =>
    readStatistics({
      model_stats: [
        {
          inference_count: String(rows),
          execution_count: batches,
          inference_stats: { success: { count: rows, ns: rows * 2e6 }, queue: { count: 0, ns: 0 } },
          batch_stats: [
            { batch_size: "8", compute_infer: { count: batches } },
            { batch_size: 4, compute_infer: { count: 3 } },
          ],
        },
      ],
    });
  const between = statisticsBetween(look(16, 2), look(56, 7));
  expect(between).toMatchObject({ inferences: 40, executions: 5, success: { count: 40, ms: 80 } });
  expect([...between.batches]).toEqual([[8, 5]]);
});
