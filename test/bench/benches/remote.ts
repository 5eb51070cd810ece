/**
 * One-row requests of 64 clients to a gateway in front of another (`remote`), against nginx's
 * `grpc_pass` with one worker in front of the same one: nginx passes each on, we join them.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startGateway } from "../../support/gateway.ts";
import { scrape, sum } from "../../support/metrics.ts";
import { nginxInstalled, startNginx } from "../nginx.ts";
import { ratioBench } from "../ratio-bench.ts";
import { type BenchResult, BenchSkipped } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

export async function remote(setting: Setting): Promise<BenchResult> {
  if (!nginxInstalled()) throw new BenchSkipped("nginx is not installed (Debian: nginx-light)");
  const { pace, client } = setting;
  const far = await setting.gateway();
  const nginx = await startNginx(far.grpcPort);
  const near = await startGateway(frontOf(setting, far.grpcPort)).catch(async (cause) => {
    await nginx.stop();
    throw cause;
  });
  const load = {
    body: setting.requestFile(1),
    concurrency: 64,
    connections: 64,
    warmupS: pace.warmupS,
    seconds: pace.sliceS,
  };
  try {
    const result = await ratioBench({
      name: "remote",
      measures:
        "1-row requests/s through `remote` ÷ nginx's grpc_pass, 64 clients, same far server",
      goal: { kind: "at least", value: 1 },
      rounds: pace.rounds,
      subject: served(near),
      client,
      load,
      control: () => client(nginx, load),
      controlServer: nginx,
      subjectValue: (slice) => slice.requestsPerSecond,
      controlValue: (slice) => slice.requestsPerSecond,
      controlErrors: (slice) => slice.errors,
      figures: (slices, controls) => ({
        "remote requests/s": median(slices.map((slice) => slice.requestsPerSecond)),
        "nginx requests/s": median(controls.map((slice) => slice.requestsPerSecond)),
        "remote p50 ms": median(slices.map(({ p50Ms = Number.NaN }) => p50Ms)),
        "nginx p50 ms": median(controls.map(({ p50Ms = Number.NaN }) => p50Ms)),
        "nginx CPU s per 1000": median(controls.map(({ cpu }) => cpu.workers)),
      }),
    });
    const rows = await rowsPerForward(near.metricsPort);
    return { ...result, figures: { ...result.figures, "rows per forwarded request": rows } };
  } finally {
    await near.stop();
    await nginx.stop();
  }
}

/** The same model, served by the far gateway. */
function frontOf({ model, folder }: Setting, farPort: number) {
  const repository = join(folder, "near");
  mkdirSync(join(repository, model.name, "1"), { recursive: true });
  const config = readFileSync(join(model.folder, "config.pbtxt"), "utf8")
    .replace(/^platform: .*$/m, 'backend: "remote"')
    .replace(/^ *label_filename: .*$/m, "");
  writeFileSync(join(repository, model.name, "config.pbtxt"), config);
  const options = {
    servers: [`127.0.0.1:${farPort}`],
  };
  const file = join(folder, "near.yaml");
  writeFileSync(file, JSON.stringify({ backends: [{ kind: "remote", options }] }));
  return { repository, flags: ["--config", file] };
}

async function rowsPerForward(metricsPort: number): Promise<number> {
  const samples = await scrape(metricsPort);
  const of = (name: string) => sum(samples, name) ?? Number.NaN;
  return of("nv_inference_count") / of("nv_inference_exec_count");
}
