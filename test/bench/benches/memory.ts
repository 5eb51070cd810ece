/** Resident memory of the gateway while one client after the other would long have forgotten it. */
import { startGateway } from "../../support/gateway.ts";
import { residentBytes } from "../../support/process-usage.ts";
import { runLoadClient } from "../load.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const SAMPLE_MS = 50;
const TENTHS = 10;
const MB = 2 ** 20;

/** A gateway of its own: the other benches' memory would hide the growth. */
export async function memory(setting: Setting): Promise<BenchResult> {
  const requests = setting.pace.memoryRequests;
  const gateway = await startGateway({ repository: setting.repository });
  const samples = Array.from({ length: TENTHS }, (): number[] => []);
  const workerSamples = Array.from({ length: TENTHS }, (): number[] => []);
  let answered = 0;
  const sample = () => {
    const tenth = Math.min(TENTHS - 1, Math.floor((answered / requests) * TENTHS));
    samples[tenth]?.push(residentBytes(gateway.pid) / MB);
    const workers = gateway.workers().reduce((sum, pid) => sum + residentBytes(pid), 0);
    workerSamples[tenth]?.push(workers / MB);
  };
  const timer = setInterval(sample, SAMPLE_MS);
  try {
    const report = await runLoadClient(
      served(gateway),
      setting.requestFile(1),
      {
        concurrency: 64,
        connections: 4,
        "warmup-s": 0,
        requests,
        "progress-every": requests / 200,
      },
      (line) => {
        if (line.event === "progress") answered = line.answered;
      },
    );
    const second = median(samples[1] ?? []);
    const last = median(samples[TENTHS - 1] ?? []);
    return {
      name: "memory",
      measures: `gateway RSS, last ÷ second tenth of ${requests.toLocaleString("en")} requests`,
      value: last / second,
      goal: { kind: "at most", value: 1.05 },
      figures: {
        ...Object.fromEntries(samples.map((mb, at) => [`RSS MB in tenth ${at + 1}`, median(mb)])),
        "workers' RSS MB, second tenth": median(workerSamples[1] ?? []),
        "workers' RSS MB, last tenth": median(workerSamples[TENTHS - 1] ?? []),
        "requests/s": report.requestsPerSecond,
      },
      errors: report.errors,
    };
  } finally {
    clearInterval(timer);
    await gateway.stop();
  }
}
