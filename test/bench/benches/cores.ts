/**
 * How much of the machine is at work, and how much of a request the gateway's own loop has to do, where edge processes
 * speak with the clients; beside a gateway that does so itself. Generator, gateway, edges and workers share all cores.
 */
import { availableParallelism } from "node:os";
import { startGateway } from "../../support/gateway.ts";
import type { Slice } from "../load.ts";
import { ratioBench } from "../ratio-bench.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";
import { type Setting, served } from "../setting.ts";

const EDGES = 2;

export async function cores(setting: Setting): Promise<BenchResult> {
  const { pace, client, repository } = setting;
  const plain = await setting.gateway();
  const edged = await startGateway({ repository, flags: ["--grpc-edges", String(EDGES)] });
  const load = {
    body: setting.requestFile(1),
    concurrency: 256,
    connections: 8,
    warmupS: pace.warmupS,
    seconds: pace.sliceS,
  };
  const each = (slices: readonly Slice[], figure: (slice: Slice) => number) =>
    median(slices.map(figure));
  const rate = ({ requestsPerSecond }: Slice) => requestsPerSecond;
  const own = ({ cpu }: Slice) => cpu.server;
  try {
    const result = await ratioBench({
      name: "cores",
      measures: `part of all cores at work with ${EDGES} edges: 1-row requests/s × CPU s of server and generator ÷ cores`,
      goal: { kind: "at least", value: 0.85 },
      rounds: pace.rounds,
      subject: served(edged),
      client,
      load,
      control: () => client(served(plain), load),
      controlServer: served(plain),
      subjectValue: used,
      // The value itself is no ratio; what the control reached is among the figures.
      controlValue: () => 1,
      controlErrors: (slice) => slice.errors,
      figures: (slices, controls) => ({
        "requests/s": each(slices, rate),
        "requests/s without edges": each(controls, rate),
        "part of all cores at work without edges": each(controls, used),
        "edges and workers, CPU s per 1000": each(slices, ({ cpu }) => cpu.workers),
        "gateway without edges, CPU s per 1000": each(controls, own),
        "requests that the gateway's own loop can carry, with edges ÷ without":
          each(controls, own) / each(slices, own),
        "CPU of all, with edges ÷ without": each(slices, spent) / each(controls, spent),
      }),
    });
    return result;
  } finally {
    await edged.stop();
  }
}

/** CPU seconds of a request, the generator's with them. */
function spent({ cpu }: Slice): number {
  return (cpu.server + cpu.workers + (cpu.client ?? 0)) / 1_000;
}

function used(slice: Slice): number {
  return (slice.requestsPerSecond * spent(slice)) / availableParallelism();
}
