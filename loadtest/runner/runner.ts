/** Single measurements of one run: each starts its generators and ends them. */
import type { Statistics } from "../drivers/control/control.ts";
import type { Point } from "../report/schema.ts";
import { type Ceiling, findCeiling } from "./ceiling.ts";
import { Fleet } from "./fleet.ts";
import type { GeneratorOrder, GeneratorOver } from "./generator/order.ts";
import { measureClosed } from "./measure-closed.ts";
import { measureOpen } from "./measure-open.ts";
import type { Progress, Watch } from "./measured.ts";
import { shareOfTimes } from "./plan.ts";
import { pointOf } from "./point.ts";
import type { Load, RunSpec } from "./run-spec.ts";
import type { Target } from "./target.ts";
import type { Arrivals, Workload } from "./workload.ts";

export interface Observer {
  progress(progress: Progress): void;
  /** Something that stays on the screen. */
  say(text: string): void;
  readonly signal: AbortSignal;
}

/** A measurement, with what is needed to look into its answers. */
export interface Step {
  readonly point: Point;
  readonly arrivals: Arrivals | undefined;
  readonly overs: readonly GeneratorOver[];
}

export class Runner {
  readonly spec: RunSpec;
  readonly target: Target;
  readonly #workload: Workload;
  readonly #observer: Observer;

  constructor(spec: RunSpec, target: Target, workload: Workload, observer: Observer) {
    this.spec = spec;
    this.target = target;
    this.#workload = workload;
    this.#observer = observer;
  }

  ceiling(): Promise<Ceiling> {
    return findCeiling(this.#order({ kind: "closed", concurrency: 1 }, 0, 1));
  }

  get aborted(): boolean {
    return this.#observer.signal.aborted;
  }

  async closed(
    concurrency: number,
    load: Omit<Extract<Load, { kind: "closed" }>, "kind" | "concurrencies">,
  ): Promise<Step> {
    const processes = Math.min(this.spec.generator.processes, concurrency);
    const label = `${concurrency} in flight`;
    const orders = Array.from({ length: processes }, (_, index) => {
      const share = Math.floor((concurrency + processes - 1 - index) / processes);
      return this.#order({ kind: "closed", concurrency: share }, index, processes);
    });
    const { warmupMs, patienceMs } = this.spec;
    const fleet = await Fleet.start(orders);
    try {
      const settings = { ...load, label, warmupMs, patienceMs };
      const measured = await measureClosed(fleet, settings, this.#watch());
      const point = pointOf(measured, { label, concurrency, ...this.#context() });
      return { point, arrivals: undefined, overs: measured.overs };
    } finally {
      fleet.close();
    }
  }

  async open(durationMs: number, perSecond?: number): Promise<Step> {
    const { warmupMs, patienceMs, generator } = this.spec;
    const arrivals = this.#workload.arrivals(warmupMs + durationMs, perSecond);
    const ms = arrivals.ns.map((ns) => ns / 1e6);
    const seconds = (warmupMs + durationMs) / 1000;
    const rate = perSecond ?? ms.length / seconds;
    const label = `${Number(rate.toPrecision(4))} requests/s`;
    const { processes, pacing } = generator;
    const orders = Array.from({ length: processes }, (_, index) => {
      const loop = { kind: "open", pacing, measureFromMs: warmupMs } as const;
      return this.#order(loop, index, processes, shareOfTimes(ms, index, processes));
    });
    const fleet = await Fleet.start(orders);
    try {
      const settings = { label, warmupMs, durationMs, patienceMs };
      const measured = await measureOpen(fleet, settings, this.#watch());
      return {
        point: pointOf(measured, { label, ...this.#context() }),
        arrivals,
        overs: measured.overs,
      };
    } finally {
      fleet.close();
    }
  }

  /** Server statistics now; undefined: not told by the server. */
  statistics(): Promise<Statistics | undefined> {
    return this.target.control.statistics(this.spec.model.name, this.spec.model.version);
  }

  #context() {
    return { budgetsMs: this.spec.budgetsMs, percentiles: this.spec.percentiles };
  }

  #watch(): Watch {
    return {
      statistics: () => this.statistics(),
      progress: (progress) => this.#observer.progress(progress),
      signal: this.#observer.signal,
    };
  }

  #order(
    loop: GeneratorOrder["loop"],
    index: number,
    of: number,
    dueMs?: Float64Array,
  ): GeneratorOrder {
    const { spec, target } = this;
    const { generator, answers } = spec;
    const most = loop.kind === "closed" ? loop.concurrency : undefined;
    return {
      ...{ driver: spec.driver, address: target.address, identities: spec.identities },
      connections: this.#connections(most, of),
      ...(generator.perConnection === undefined ? {} : { perConnection: generator.perConnection }),
      ...{ binary: target.binary, loop },
      ...{ lateAfterMs: generator.lateAfterMs, mostInFlight: generator.mostInFlight },
      plan: { pool: this.#workload.pool, index, of, ...(dueMs === undefined ? {} : { dueMs }) },
      ...(answers === undefined ? {} : { answers }),
    };
  }

  /** Of one process. HTTP has one request at a time on a connection, gRPC many. */
  #connections(inFlight: number | undefined, processes: number): number {
    const { connections } = this.spec.generator;
    if (connections !== undefined) return Math.max(1, Math.ceil(connections / processes));
    if (this.spec.driver === "http") return inFlight ?? 256;
    return Math.min(inFlight ?? 4, 4);
  }
}
