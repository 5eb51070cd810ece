/** An instance without a worker: the test says when and how each run ends. Output = input. */
import type { ModelVariant } from "../../backends/contract.ts";
import type { Instance, LoadReport, Room, Run, RunResult } from "../../src/workers/types.ts";
import { aSignature } from "./requests.ts";

export interface PendingRun {
  readonly run: Run;
  /** Ends the run with its first input as its only output. */
  finish(inferUs?: number): void;
  fail(error: Error): void;
}

export class FakeInstance implements Instance {
  readonly id: string;
  readonly variant: ModelVariant;
  readonly report: LoadReport;
  readonly workerPid = 0;
  readonly runs: PendingRun[] = [];
  /** Sequences that it was told to forget. */
  readonly forgotten: string[] = [];
  ready = true;
  closed = false;
  failure: string | undefined;
  onChange: (() => void) | undefined;
  #rooms = 0;

  constructor(id: string, maxInFlight = 1) {
    const { inputs, outputs, maxBatchSize } = aSignature();
    this.id = id;
    this.variant = {
      model: "jets",
      version: "1",
      inputs,
      outputs,
      maxBatchSize,
      artifact: { digest: "", path: "", format: "echo", platform: "any" },
    };
    const device = { id: "cpu:0", vendor: "any", platform: "any" };
    this.report = { device, batchInvariant: true, firstRunUs: 10, maxInFlight };
  }

  /** Rooms handed out and not given back. */
  get rooms(): number {
    return this.#rooms;
  }

  setReady(ready: boolean): void {
    this.ready = ready;
    this.onChange?.();
  }

  room(byteLength: number): Room | undefined {
    if (this.#rooms > this.report.maxInFlight) return undefined;
    this.#rooms += 1;
    let held = true;
    const release = () => {
      if (held) this.#rooms -= 1;
      held = false;
    };
    return { bytes: Buffer.alloc(byteLength), release };
  }

  run(run: Run): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      const leave = () => this.runs.splice(this.runs.indexOf(pending), 1);
      const pending: PendingRun = {
        run,
        finish: (inferUs = 10) => {
          leave();
          const timing = { inputUs: 1, inferUs, outputUs: 1 };
          const outputs = run.inputs.slice(0, 1).map(({ shape, offset, byteLength }) => ({
            index: 0,
            shape,
            data: run.room.bytes.subarray(offset, offset + byteLength),
          }));
          resolve({ outputs, timing });
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      this.runs.push(pending);
    });
  }

  /** What its next probe ends with. */
  probes: (() => Promise<void>) | undefined;

  async probe(): Promise<void> {
    await this.probes?.();
  }

  forget(sequence: string): void {
    this.forgotten.push(sequence);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
