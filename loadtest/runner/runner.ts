/** Single measurements of one run: each starts its generators and ends them. */
import type { Control, Statistics } from "../drivers/control/control.ts";
import { addressFor } from "../drivers/identity.ts";
import { WINDOWS } from "../measure/stability.ts";
import {
  type Compared,
  compareWithReference,
  type Reference,
} from "./analysis/compare-with-reference.ts";
import { type Ceiling, findCeiling } from "./ceiling.ts";
import { Fleet } from "./fleet.ts";
import type { GeneratorOrder } from "./generator/order.ts";
import { measureClosed } from "./measure-closed.ts";
import { measureOpen } from "./measure-open.ts";
import type { Progress, Watch } from "./measured.ts";
import { shareOf } from "./plan.ts";
import { pointOf } from "./point.ts";
import type { Load, RunSpec } from "./run-spec.ts";
import type { Requests, Step } from "./step.ts";
import type { Target } from "./target.ts";
import type { StreamWorkload } from "./workload.ts";

/** Requests of a closed loop come from those of an open one of this length. */
const CEILING_MS = 1000;

export interface Observer {
  progress(progress: Progress): void;
  /** Something that stays on the screen. */
  say(text: string): void;
  readonly signal: AbortSignal;
}

/** Measures one stream. */
export class Runner {
  readonly spec: RunSpec;
  readonly target: Target;
  readonly stream: StreamWorkload;
  readonly #observer: Observer;
  readonly #control: Control;

  constructor(spec: RunSpec, target: Target, stream: StreamWorkload, observer: Observer) {
    this.spec = spec;
    this.target = target;
    this.stream = stream;
    this.#observer = observer;
    this.#control = target.controlAs(stream);
  }

  ceiling(): Promise<Ceiling> {
    const requests = this.stream.requests(CEILING_MS);
    return findCeiling(this.#order(requests, { kind: "closed", concurrency: 1 }, 0, 1));
  }

  get aborted(): boolean {
    return this.#observer.signal.aborted;
  }

  async closed(
    concurrency: number,
    load: Omit<Extract<Load, { kind: "closed" }>, "kind" | "concurrencies">,
  ): Promise<Step> {
    const processes = Math.min(this.spec.generator.processes, concurrency);
    const label = this.#label(`${concurrency} in flight`);
    const requests = { pool: this.stream.requests(CEILING_MS).pool };
    const orders = Array.from({ length: processes }, (_, index) => {
      const share = Math.floor((concurrency + processes - 1 - index) / processes);
      return this.#order(requests, { kind: "closed", concurrency: share }, index, processes);
    });
    const { warmupMs, patienceMs } = this.spec;
    const fleet = await Fleet.start(orders);
    try {
      const settings = { ...load, label, warmupMs, patienceMs };
      const measured = await measureClosed(fleet, settings, this.#watch());
      const point = pointOf(measured, { label, concurrency, ...this.#context() });
      return { point, requests, overs: measured.overs };
    } finally {
      fleet.close();
    }
  }

  async open(durationMs: number, perSecond?: number): Promise<Step> {
    const { warmupMs, patienceMs, generator } = this.spec;
    const requests = this.stream.requests(warmupMs + durationMs, perSecond);
    const { ns } = requests;
    if (ns === undefined)
      throw new Error(`stream '${this.stream.name}': a closed loop has no rate`);
    const rate = perSecond ?? (ns.length * 1000) / (warmupMs + durationMs);
    const label = this.#label(`${Number(rate.toPrecision(4))} requests/s`);
    const { processes, pacing } = generator;
    const orders = Array.from({ length: processes }, (_, index) => {
      const loop = { kind: "open", pacing, measureFromMs: warmupMs } as const;
      return this.#order(requests, loop, index, processes);
    });
    const fleet = await Fleet.start(orders);
    try {
      const settings = { label, warmupMs, durationMs, patienceMs };
      const measured = await measureOpen(fleet, settings, this.#watch());
      return {
        point: pointOf(measured, { label, ...this.#context() }),
        requests,
        overs: measured.overs,
      };
    } finally {
      fleet.close();
    }
  }

  /** What the reference of the run says to the same requests. */
  async agreement(reference: Reference, step: Step): Promise<Compared> {
    const loop = { kind: "closed", concurrency: 1 } as const;
    const order = this.#order(step.requests, loop, 0, 1);
    const { threshold } = this.stream;
    this.#observer.say(`asking ${reference.name} the same`);
    return compareWithReference(reference, step, order, threshold, this.#observer.signal);
  }

  /** By the loop that the stream itself has, for this long. */
  own(durationMs: number): Promise<Step> {
    const { concurrency } = this.stream;
    if (concurrency === undefined) return this.open(durationMs);
    // It takes as long as the other streams, stable or not.
    const stability = Number.POSITIVE_INFINITY;
    const windows = { windowMs: durationMs / WINDOWS, mostWindows: WINDOWS, stability };
    return this.closed(concurrency, windows);
  }

  /** Server statistics now; undefined: not told by the server. */
  statistics(): Promise<Statistics | undefined> {
    return this.#control.statistics(this.stream.facts.name, this.stream.version);
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
    { pool, ns, keys }: Requests,
    loop: GeneratorOrder["loop"],
    index: number,
    of: number,
  ): GeneratorOrder {
    const { spec, target, stream } = this;
    const { generator } = spec;
    const most = loop.kind === "closed" ? loop.concurrency : undefined;
    const timed = loop.kind === "open" && ns !== undefined;
    return {
      ...{ driver: spec.driver, address: addressFor(target.address, stream) },
      identities: [stream.headers],
      connections: this.#connections(most, of),
      ...(generator.perConnection === undefined ? {} : { perConnection: generator.perConnection }),
      ...{ binary: target.binary, loop },
      ...{ lateAfterMs: generator.lateAfterMs, mostInFlight: generator.mostInFlight },
      plan: {
        ...{ pool, index, of },
        ...(timed ? { dueMs: shareOf(ns, index, of).map((time) => time / 1e6) } : {}),
        ...(timed && keys !== undefined ? { keys: shareOf(keys, index, of) } : {}),
      },
      ...(stream.answers === undefined ? {} : { answers: stream.answers }),
      ...(stream.relay === undefined ? {} : { relay: stream.relay }),
    };
  }

  #label(text: string): string {
    return this.stream.name === "" ? text : `${this.stream.name}: ${text}`;
  }

  /** Of one process. HTTP has one request at a time on a connection, gRPC many. */
  #connections(inFlight: number | undefined, processes: number): number {
    const { connections } = this.spec.generator;
    if (connections !== undefined) return Math.max(1, Math.ceil(connections / processes));
    if (this.spec.driver === "http") return inFlight ?? 256;
    return Math.min(inFlight ?? 4, 4);
  }
}
