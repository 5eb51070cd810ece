/** One row of 16 floats for a null server, as a generator sends it. */
import type { DriverName } from "../../loadtest/drivers/driver.ts";
import type { GeneratorOrder } from "../../loadtest/runner/generator/order.ts";
import type { PooledRequest } from "../../loadtest/runner/plan.ts";
import { onePiece } from "../../src/inference/pieces.ts";

export const NULL_REQUEST: PooledRequest = {
  request: {
    ...{ model: "null", version: "", id: "", parameters: undefined, outputs: [] },
    inputs: [
      {
        ...{ name: "input", datatype: "FP32", shape: [1, 16], parameters: undefined },
        data: onePiece(new Uint8Array(64)),
      },
    ],
  },
  ...{ rows: 1, identity: 0 },
};

export function nullOrder(driver: DriverName): GeneratorOrder {
  return {
    ...{ driver, connections: 4, identities: [[]], binary: true },
    address: { host: "127.0.0.1", port: 0 },
    loop: { kind: "closed", concurrency: 64 },
    ...{ lateAfterMs: 1, mostInFlight: 1e6 },
    plan: { pool: [NULL_REQUEST], index: 0, of: 1 },
  };
}
