/**
 * How late the gateway's event loop runs while a model takes 200 ms: nothing of a
 * model's time may be spent in the gateway. Measured by the gateway itself
 * (`monitorEventLoopDelay`, resolution 1 ms), reset by each scrape.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type GatewayUnderTest, startGateway } from "../../support/gateway.ts";
import { scrape } from "../../support/metrics.ts";
import { echoConfig, temporaryRepository } from "../../support/model-repository.ts";
import { inferMessage } from "../infer-message.ts";
import { rawHttp2Client } from "../load.ts";
import type { BenchResult } from "../result.ts";
import { type Setting, served } from "../setting.ts";

const METRIC = "beamgate_event_loop_delay_seconds";
const MODEL_MS = 200;
/** The part of the time that is spent without load: the machine's own share of the delay. */
const IDLE_SHARE = 0.25;

export async function eventLoop(setting: Setting): Promise<BenchResult> {
  const seconds = setting.pace.eventLoopS;
  const models = temporaryRepository();
  const model = { name: "slow", maxBatchSize: 8, dims: [16], delayMs: MODEL_MS, instances: 2 };
  models.add(model.name, echoConfig(model));
  const body = join(setting.folder, "slow.bin");
  writeFileSync(body, inferMessage(model.name, "INPUT0", [1, 16], new Float32Array(16)));
  let gateway: GatewayUnderTest | undefined;
  try {
    gateway = await startGateway({ repository: models.folder });
    await delays(gateway.metricsPort); // what start-up took does not count
    await new Promise((resolve) => setTimeout(resolve, seconds * IDLE_SHARE * 1000));
    const idle = await delays(gateway.metricsPort);
    const slice = await rawHttp2Client(served(gateway), {
      body,
      concurrency: 16,
      connections: 4,
      warmupS: 0,
      seconds: seconds * (1 - IDLE_SHARE),
    });
    const busy = await delays(gateway.metricsPort);
    return {
      name: "event-loop",
      measures: `event-loop delay of the gateway while a ${MODEL_MS} ms model runs, p99.9, ms`,
      value: busy.p999Ms,
      goal: { kind: "at most", value: 20 },
      figures: {
        "p99.9 ms before the load": idle.p999Ms,
        "p50 ms under load": busy.p50Ms,
        "p99 ms under load": busy.p99Ms,
        "p50 ms of the slow requests": slice.p50Ms ?? Number.NaN,
      },
      errors: slice.errors,
    };
  } finally {
    await gateway?.stop();
    models.remove();
  }
}

async function delays(metricsPort: number) {
  const samples = await scrape(metricsPort);
  const quantileMs = (quantile: string) => {
    const sample = samples.find(
      ({ name, labels }) => name === METRIC && labels["quantile"] === quantile,
    );
    if (!sample) throw new Error(`/metrics has no ${METRIC}{quantile="${quantile}"}`);
    return sample.value * 1000;
  };
  return { p50Ms: quantileMs("0.5"), p99Ms: quantileMs("0.99"), p999Ms: quantileMs("0.999") };
}
