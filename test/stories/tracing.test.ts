/** A collector of OpenTelemetry sees what a real gateway did for a client that traces. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadInferenceDefinition } from "../../src/grpc/rpc/definition.ts";
import { packageRoot } from "../../src/package-root.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { attributesOf, type OtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";

const { service } = loadInferenceDefinition();
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const repositories = [join(packageRoot, "models")];
const explicit = ["--model-control-mode=explicit", "--load-model=simple"];

function infer(port: number, id: string, headers: Record<string, string>): Promise<unknown> {
  const method = service["ModelInfer"];
  if (method === undefined) throw new Error("no ModelInfer");
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const input = { datatype: "INT32", shape: [2, 16] };
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize as (value: object) => Buffer,
      method.responseDeserialize as (bytes: Buffer) => unknown,
      {
        id,
        model_name: "simple",
        inputs: ["INPUT0", "INPUT1"].map((name) => ({ name, ...input })),
        raw_input_contents: [Buffer.alloc(128), Buffer.alloc(128)],
      },
      metadata,
      (error: ServiceError | null, answer) => {
        client.close();
        if (error) reject(error);
        else resolve(answer);
      },
    );
  });
}

describe("a gateway in trace mode opentelemetry", { timeout: 120_000 }, () => {
  let receiver: OtlpReceiver;
  let gateway: GatewayProcess;
  const before = process.env["OTEL_EXPORTER_OTLP_PROTOCOL"];
  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    process.env["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/json";
    const config = ["level=TIMESTAMPS", "rate=0", "mode=opentelemetry"];
    const otel = [`opentelemetry,url=${receiver.url}`, "opentelemetry,resource=site=here"];
    const flags = [...config, ...otel].map((setting) => `--trace-config=${setting}`);
    gateway = await startGateway({ repositories, flags: [...explicit, ...flags] });
  }, 120_000);
  afterAll(async () => {
    if (before === undefined) delete process.env["OTEL_EXPORTER_OTLP_PROTOCOL"];
    else process.env["OTEL_EXPORTER_OTLP_PROTOCOL"] = before;
    await gateway?.stop();
    await receiver?.close();
  });

  it("exports the request of a client that traces, and of no other, at the latest when it stops", async () => {
    const startedMs = Date.now();
    await infer(gateway.grpcPort, "traced", { traceparent: `00-${TRACE}-${SPAN}-01` });
    await infer(gateway.grpcPort, "not chosen", { traceparent: `00-${TRACE}-${SPAN}-00` });
    await infer(gateway.grpcPort, "without a trace", {});
    await gateway.stop();
    const endedMs = Date.now();

    expect(receiver.spans.map(({ name }) => name)).toEqual(["InferRequest", "queue", "compute"]);
    const [request, queue, compute] = receiver.spans;
    expect(request).toMatchObject({ traceId: TRACE, parentSpanId: SPAN });
    expect(queue).toMatchObject({ traceId: TRACE, parentSpanId: request?.spanId });
    expect(compute).toMatchObject({ traceId: TRACE, parentSpanId: request?.spanId });
    expect(attributesOf(request as never)).toMatchObject({
      "triton.model_name": "simple",
      "triton.request_id": "traced",
      "beamgate.rows": 2,
      "beamgate.backend": expect.any(String),
    });
    expect(receiver.resource.get("site")).toBe("here");
    const times = [
      startedMs * 1e6 - 1e6,
      Number(request?.startTimeUnixNano),
      Number(queue?.startTimeUnixNano),
      Number(compute?.startTimeUnixNano),
      Number(compute?.endTimeUnixNano),
      Number(request?.endTimeUnixNano),
      endedMs * 1e6 + 1e6,
    ];
    expect(times).toEqual(times.toSorted((left, right) => left - right));
  });
});

describe("a gateway in trace mode triton", { timeout: 120_000 }, () => {
  it("leaves a whole JSON file behind when it stops", async () => {
    const folder = mkdtempSync(join(tmpdir(), "beamgate-trace-"));
    const file = join(folder, "trace.json");
    const config = [`triton,file=${file}`, "rate=1", "level=TIMESTAMPS", "level=TENSORS"];
    const flags = config.map((setting) => `--trace-config=${setting}`);
    const gateway = await startGateway({ repositories, flags: [...explicit, ...flags] });
    try {
      await infer(gateway.grpcPort, "one", {});
      await infer(gateway.grpcPort, "", {});
    } finally {
      await gateway.stop();
    }
    const trace = JSON.parse(readFileSync(file, "utf8"));
    rmSync(folder, { recursive: true });
    expect(trace[0]).toEqual({ id: 1, model_name: "simple", model_version: 1, request_id: "one" });
    const stamps = trace
      .filter((part: { id: number; timestamps?: object }) => part.id === 1 && part.timestamps)
      .map((part: { timestamps: { name: string; ns: number }[] }) => part.timestamps[0]);
    expect(stamps.map(({ name }: { name: string }) => name)).toEqual([
      "REQUEST_START",
      "QUEUE_START",
      "COMPUTE_START",
      "COMPUTE_INPUT_END",
      "COMPUTE_OUTPUT_START",
      "COMPUTE_END",
      "INFER_RESPONSE_COMPLETE",
      "REQUEST_END",
    ]);
    const ns = stamps.map((stamp: { ns: number }) => stamp.ns);
    expect(ns).toEqual(ns.toSorted((left: number, right: number) => left - right));
    const zeros = Array.from({ length: 32 }, () => "0").join(",");
    expect(trace).toContainEqual({
      id: 2,
      activity: "TENSOR_BACKEND_OUTPUT",
      tensor: { name: "OUTPUT0", data: zeros, shape: "2,16", dtype: "INT32" },
    });
  });
});

describe("a gateway that traces nothing", () => {
  it("never loads the OpenTelemetry SDK", async () => {
    const source = `
      import Module from "node:module";
      const loaded = () => Object.keys(Module._cache).filter((path) => /opentelemetry.(core|resources|sdk|otlp)/.test(path));
      await import(${JSON.stringify(join(packageRoot, "dist/src/gateway.js"))});
      const before = loaded().length;
      await import(${JSON.stringify(join(packageRoot, "dist/src/telemetry/otel-export.js"))});
      console.log(before, loaded().length > 0);
    `;
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--input-type=module",
      "-e",
      source,
    ]);
    expect(stdout.trim()).toBe("0 true"); // the second shows that it would be seen
  });
});
