import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { onePiece } from "../inference/pieces.ts";
import type { InferCall, WireRequest } from "../inference/request.ts";
import { createRecording } from "./recording.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-recording-"));
afterAll(() => rmSync(folder, { recursive: true }));

const wire: WireRequest = {
  ...{ model: "jets", version: "", id: "7", parameters: undefined, outputs: [] },
  inputs: [
    {
      ...{ name: "x", datatype: "FP32", shape: [3, 2], parameters: undefined },
      data: onePiece(Buffer.from("abc")),
    },
  ],
  dataError: undefined,
};

function recording(changes: { tensors?: boolean; maxBytes?: number; file?: string } = {}) {
  const warnings: string[] = [];
  let now = 5000;
  const clock = { now: () => now } as never;
  const log = { warn: (text: string) => void warnings.push(text) } as never;
  const file = join(folder, `${Math.random()}.jsonl`);
  const slice = { file, tensors: false, maxBytes: 1e6, ...changes };
  const made = createRecording(slice, { clock, log });
  let asked = 0;
  const infer = made.watch(() => {
    asked += 1;
  });
  return {
    ...{ warnings, made },
    ask(ms: number) {
      now += ms;
      infer(wire, {} as InferCall);
    },
    async lines() {
      await made.service.stop();
      expect(asked).toBeGreaterThan(0);
      return readFileSync(file, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
    },
  };
}

describe("what a gateway records", () => {
  it("is when each request came after the first, and what it asked", async () => {
    const { ask, lines } = recording();
    for (const ms of [0, 12.5, 0.25]) ask(ms);
    const about = { model: "jets", version: "", rows: 3 };
    expect(await lines()).toEqual([0, 12.5, 12.75].map((atMs) => ({ atMs, ...about })));
  });

  it("has the tensors where they are asked for", async () => {
    const { ask, lines } = recording({ tensors: true });
    ask(0);
    expect(await lines()).toMatchObject([
      { inputs: [{ name: "x", datatype: "FP32", shape: [3, 2], data: "YWJj" }] },
    ]);
  });

  it("ends when the file is full, and says so once; requests go on", async () => {
    const { ask, lines, warnings } = recording({ maxBytes: 120 });
    for (let i = 0; i < 5; i++) ask(1);
    expect(await lines()).toHaveLength(2);
    expect(warnings).toEqual([expect.stringContaining("is full")]);
  });
});

it("a gateway that records nothing keeps its line as it is", () => {
  const { watch, on } = createRecording(
    { file: undefined, tensors: false, maxBytes: 1 },
    { clock: {} as never, log: {} as never },
  );
  const infer = () => undefined;
  expect([watch(infer), on]).toEqual([infer, false]);
});
