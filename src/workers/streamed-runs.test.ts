/** Decoupled models in real worker processes. */
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { ModelVariant } from "../../backends/contract.ts";
import { systemClock } from "../clock.ts";
import { silent } from "../logger.ts";
import { packageRoot } from "../package-root.ts";
import { createFleet } from "./fleet.ts";
import { type Fleet, type Instance, type Run, type RunResponse, WorkerLost } from "./types.ts";

const TEST_MS = 120_000;
const fleets: Fleet[] = [];
afterEach(async () => {
  await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
});

/** An echo model that gives each member its row back as often as the row's first number says. */
async function aRepeater(over: Partial<ModelVariant> = {}, backendKind = "echo", watch = {}) {
  const fleet = createFleet({
    hostEntry: join(packageRoot, "dist/src/workers/host.js"),
    clock: systemClock,
    log: silent,
    ...watch,
  });
  fleets.push(fleet);
  const variant: ModelVariant = {
    model: "repeater",
    version: "1",
    inputs: [{ name: "x", datatype: "FP32", shape: [-1] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
    maxBatchSize: 64,
    artifact: { digest: "", path: "", format: "echo", platform: "any" },
    decoupled: true,
    parameters: { mode: "repeat" },
    ...over,
  };
  const request = { backendKind, variant, options: {}, device: "cpu" };
  return fleet.load(request, new AbortController().signal);
}

/** Runs one row a member. `responses` grows as they come: member, first number, length. */
function stream(
  instance: Instance,
  rows: readonly (readonly number[])[],
  onResponse?: (response: RunResponse) => void,
  notes?: NonNullable<Run["notes"]>,
) {
  const [first = []] = rows;
  const values = Float32Array.from(rows.flat());
  const room = instance.room(values.byteLength);
  if (!room) throw new Error("no room");
  room.bytes.set(new Uint8Array(values.buffer));
  const responses: [number, number, number][] = [];
  const abort = new AbortController();
  const shape = [rows.length, first.length];
  const done = instance
    .run({
      room,
      inputs: [{ index: 0, shape, offset: 0, byteLength: values.byteLength }],
      outputOffset: values.byteLength,
      outputs: [0],
      memberRows: rows.map(() => 1),
      ...(notes && { notes }),
      onResponse(response) {
        const { data } = response.outputs[0] ?? { data: Buffer.alloc(0) };
        const numbers = new Float32Array(Uint8Array.from(data).buffer);
        responses.push([response.member, numbers.at(-1) ?? Number.NaN, numbers.length]);
        onResponse?.(response);
      },
      signal: abort.signal,
    })
    .finally(() => room.release());
  return { done, responses, abort };
}

describe("a decoupled model in a worker", { timeout: TEST_MS }, () => {
  it("sends its responses one by one, and a result without outputs after them", async () => {
    const instance = await aRepeater();
    const { done, responses } = stream(instance, [
      [2, 5],
      [0, 6],
      [1, 7],
    ]);
    const result = await done;
    expect(responses).toEqual([
      [0, 5, 2],
      [0, 5, 2],
      [2, 7, 2],
    ]);
    expect(result.outputs).toEqual([]);
    expect(result.timing.inferUs).toBeGreaterThan(0);
  });

  it("sends long ones as they are", async () => {
    const instance = await aRepeater();
    const row = new Array<number>(100_000).fill(3);
    const { done, responses } = stream(instance, [row]);
    await done;
    expect(responses).toEqual([
      [0, 3, 100_000],
      [0, 3, 100_000],
      [0, 3, 100_000],
    ]);
  });

  it("keeps the state of a sequence, which nobody gets who did not ask for it", async () => {
    const [x] = [{ name: "x", datatype: "FP32", shape: [-1] }] as const;
    const instance = await aRepeater({
      inputs: [x, { name: "state in", datatype: "FP32", shape: [1] }],
      outputs: [
        { name: "y", datatype: "FP32", shape: [-1] },
        { name: "state out", datatype: "FP32", shape: [1] },
      ],
      states: [{ input: "state in", output: "state out", initialShape: [1] }],
    });
    const ask = async (start: boolean, end: boolean) => {
      const notes = [{ sequence: { id: "a", start, end } }];
      const { done, responses } = stream(instance, [[2, 5]], undefined, notes);
      await done;
      return responses.length;
    };
    expect(await ask(true, false)).toBe(2);
    expect(await ask(false, true)).toBe(2);
    await expect(ask(false, false)).rejects.toThrow("sequence a has no state");
  });

  it("stops when nobody waits any more, and takes the next run", async () => {
    const instance = await aRepeater();
    const endless = stream(instance, [[1e12, 1]], () => endless.abort.abort());
    await endless.done;
    expect(endless.responses.length).toBeGreaterThan(0);
    const next = stream(instance, [[1, 4]]);
    await next.done;
    expect(next.responses).toEqual([[0, 4, 2]]);
  });

  it("that waits behind another is taken back without being run", async () => {
    const instance = await aRepeater();
    const endless = stream(instance, [[1e12, 1]]);
    const waiting = stream(instance, [[1, 1]]);
    waiting.abort.abort();
    await waiting.done;
    expect(waiting.responses).toEqual([]);
    endless.abort.abort();
    await endless.done;
  });

  it("may answer for longer than one execution may be silent", async () => {
    const watch = { executionTimeoutMs: 1_500, heartbeatMs: 50 };
    const instance = await aRepeater({}, "echo", watch);
    const begin = performance.now();
    const run = stream(instance, [[1e12, 1]], () => {
      if (performance.now() - begin > 4_000) run.abort.abort();
    });
    await run.done;
    expect(instance.ready).toBe(true);
  });

  it("whose worker is killed in the middle loses the run", async () => {
    const instance = await aRepeater();
    const killed = stream(instance, [[1e12, 1]], () => process.kill(instance.workerPid, "SIGKILL"));
    const failure = await killed.done.catch((cause: unknown) => cause);
    expect(failure).toBeInstanceOf(WorkerLost);
    expect(killed.responses.length).toBeGreaterThan(0);
  });

  it("is refused where its backend gives one response a request", async () => {
    const path = join(packageRoot, "models/custom_identity_int32/1/model.onnx");
    const variant = {
      artifact: { digest: "", path, format: "onnx", platform: "cpu" },
      inputs: [{ name: "INPUT0", datatype: "INT32", shape: [-1] }],
      outputs: [{ name: "OUTPUT0", datatype: "INT32", shape: [-1] }],
    } as const;
    await expect(aRepeater(variant, "arm-cpu")).rejects.toThrow(
      'backend "arm-cpu" gives one response a request; the model\'s transaction policy is decoupled',
    );
  });
});
