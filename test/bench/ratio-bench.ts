/** The shape that the throughput and latency benches share: one server, one control, interleaved. */
import type { Served } from "./child.ts";
import { type Load, runLoadClient, type Slice, speaking } from "./load.ts";
import { type BenchResult, type Goal, mergeErrors } from "./result.ts";
import { interleaved, median, type Round, ratiosOf } from "./rounds.ts";

export interface RatioBench<C, S extends Slice> {
  readonly name: string;
  readonly measures: string;
  readonly goal: Goal;
  readonly rounds: number;
  readonly subject: Served;
  readonly load: Load;
  readonly client: (server: Served, load: Load) => Promise<S>;
  readonly control: () => Promise<C>;
  /** Where a request is so large that the usual number would take minutes. */
  readonly warmUpRequests?: number;
  /** Warmed up like the subject. */
  readonly controlServer?: Served;
  readonly subjectValue: (slice: S) => number;
  readonly controlValue: (control: C) => number;
  readonly figures: (slices: readonly S[], controls: readonly C[]) => Record<string, number>;
  /** Failed calls of a control that is a server too. */
  readonly controlErrors?: (control: C) => Readonly<Record<string, number>>;
}

/** By then V8 has compiled the hot paths. Counted in requests: on a busy machine seconds would not do. */
const WARM_UP_REQUESTS = 20_000;

export async function ratioBench<C, S extends Slice>(
  bench: RatioBench<C, S>,
): Promise<BenchResult> {
  return ratioResult(bench, await ratioRounds(bench));
}

/** Its rounds alone, for what measures several pairs of servers. */
export async function ratioRounds<C, S extends Slice>(
  bench: RatioBench<C, S>,
): Promise<Round<S, C>[]> {
  for (const server of [bench.subject, ...(bench.controlServer ? [bench.controlServer] : [])]) {
    const requests = bench.warmUpRequests ?? WARM_UP_REQUESTS;
    const flags = {
      ...speaking(bench.load),
      ...{ concurrency: 64, connections: 4, requests, "warmup-s": 0 },
    };
    await runLoadClient(server, bench.load.body, flags);
  }
  return interleaved(bench.rounds, () => bench.client(bench.subject, bench.load), bench.control);
}

export function ratioResult<C, S extends Slice>(
  bench: Omit<RatioBench<C, S>, "rounds" | "subject" | "load" | "client" | "control">,
  rounds: readonly Round<S, C>[],
): BenchResult {
  const slices = rounds.flatMap((round) => round.subject);
  const controls = rounds.map((round) => round.control);
  const { ratio, noise } = ratiosOf(
    rounds.map(({ subject: [first, second], control }) => ({
      subject: [bench.subjectValue(first), bench.subjectValue(second)],
      control: bench.controlValue(control),
    })),
  );
  return {
    name: bench.name,
    measures: bench.measures,
    value: ratio.median,
    spread: ratio,
    noise,
    goal: bench.goal,
    figures: {
      ...bench.figures(slices, controls),
      "gateway CPU s per 1000": median(slices.map(({ cpu }) => cpu.server)),
      "workers CPU s per 1000": median(slices.map(({ cpu }) => cpu.workers)),
    },
    errors: mergeErrors([
      ...slices.map(({ errors }) => errors),
      ...controls.map((control) => bench.controlErrors?.(control) ?? {}),
    ]),
  };
}
