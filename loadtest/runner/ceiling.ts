/** What one generator process can do: found before a run, against a server that does nothing. */
import { startNullProcess } from "../drivers/null-server/null-process.ts";
import type { Result } from "../report/schema.ts";
import { Fleet } from "./fleet.ts";
import type { GeneratorOrder } from "./generator/order.ts";

const WARM_MS = 400;
const MEASURE_MS = 1000;
const CONNECTIONS = 4;
/** In flight: enough that neither side ever waits for the other. */
const IN_FLIGHT = { grpc: 64, "grpc-stream": 4096, http: 64 } as const;

const PROTOCOL = {
  grpc: "unary gRPC calls",
  "grpc-stream": "messages on gRPC streams",
  http: "HTTP requests",
} as const;

export type Ceiling = NonNullable<Result["ceiling"]>;

/** @param order as the run's own: the same requests, sent as the run will send them */
export async function findCeiling(order: GeneratorOrder): Promise<Ceiling> {
  const server = await startNullProcess(order.driver === "http" ? ["--http"] : []);
  try {
    return await ceilingAgainst(order, server.port, MEASURE_MS);
  } finally {
    await server.stop();
  }
}

/** @param port of a null server on this machine */
export async function ceilingAgainst(
  order: GeneratorOrder,
  port: number,
  measureMs: number,
): Promise<Ceiling> {
  const { driver } = order;
  const address = { host: "127.0.0.1", port };
  const http = driver === "http" ? { connections: IN_FLIGHT.http } : { connections: CONNECTIONS };
  const { dueMs: _, keys: __, most: ___, ...plan } = order.plan;
  // The null server answers with one row, whatever it is asked: scores of it mean nothing.
  const { answers: ____, relay: _____, ...counting } = order;
  const fleet = await Fleet.start([
    {
      ...counting,
      ...http,
      ...{ address, identities: [[]], binary: true },
      plan: { ...plan, index: 0, of: 1, pool: plan.pool.map((one) => ({ ...one, identity: 0 })) },
      loop: { kind: "closed", concurrency: IN_FLIGHT[driver] },
    },
  ]);
  try {
    await fleet.begin();
    await sleep(WARM_MS);
    await fleet.look();
    await sleep(measureMs);
    const { merged } = await fleet.look();
    const perSecond = (merged.answered / merged.elapsedMs) * 1000;
    // The null server does not encrypt; what that costs the generator comes on top.
    const protocol = (order.address.tls === undefined ? "" : "unencrypted ") + PROTOCOL[driver];
    return { perSecond, perCpuSecond: perSecond / merged.cpuShare, protocol };
  } finally {
    fleet.close();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
