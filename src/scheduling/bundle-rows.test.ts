import { describe, expect, it } from "vitest";
import { aSignature } from "../../test/support/requests.ts";
import { NO_POLICY, type QueueRules, UNBATCHED } from "../inference/queue-rules.ts";
import type { ModelSignature } from "../inference/request.ts";
import { bundleRows } from "./bundle-rows.ts";

const dynamic: QueueRules = { ...UNBATCHED, dynamic: true };
const tensor = { name: "x", datatype: "FP32", shape: [2] } as const;

describe("rows that requests of a client are joined to before they are queued", () => {
  it.each<[string, Partial<ModelSignature>, QueueRules, number]>([
    ["as many as pay", {}, dynamic, 64],
    ["no more than a batch holds", { maxBatchSize: 8 }, dynamic, 8],
    [
      "no more than the smallest batch that is preferred",
      {},
      { ...dynamic, preferredRows: [16, 32] },
      16,
    ],
    ["none without dynamic batching", {}, UNBATCHED, 0],
    ["none of a decoupled model", { decoupled: true }, dynamic, 0],
    ["none where each request runs alone", { reproducible: true }, dynamic, 0],
    ["none of strings", { outputs: [{ ...tensor, datatype: "BYTES" }] }, dynamic, 0],
    ["none of ragged rows", { inputs: [{ ...tensor, ragged: true }] }, dynamic, 0],
    [
      "none where a queue counts",
      {},
      { ...dynamic, defaultPolicy: { ...NO_POLICY, maxQueueSize: 3 } },
      0,
    ],
    [
      "none where requests time out",
      {},
      { ...dynamic, defaultPolicy: { ...NO_POLICY, defaultTimeoutUs: 9 } },
      0,
    ],
  ])("%s", (_, signature, rules, rows) => {
    expect(bundleRows(aSignature(signature), rules)).toBe(rows);
  });
});
