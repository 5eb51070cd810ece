/** Keeps a number of requests in flight (or starts them at a rate) and measures what comes back. */
import { LatencyHistogram } from "../../measure/latency-histogram.ts";
import { RawConnection } from "./connection.ts";
import type { TlsOptions } from "./open-socket.ts";
import { RequestBody, type UnaryRequest } from "./request-template.ts";

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  /** Absent: plain text. */
  readonly tls?: TlsOptions | undefined;
  readonly request: UnaryRequest;
  readonly connections: number;
  /** Requests in flight over all connections; with a rate, the most there may be. */
  readonly concurrency: number;
  /** Open loop: requests are started at this rate, evenly, and measured from when they were due. */
  readonly ratePerSecond?: number;
  /** Load before the measured window; its answers are not counted, its errors are. */
  readonly warmupMs: number;
  /** The measured window ends after this time, or after so many answers. */
  readonly until:
    | { readonly kind: "time"; readonly ms: number }
    | { readonly kind: "requests"; readonly count: number };
  /** Called when the measured window begins. */
  readonly onMeasuring?: () => void;
  /** Called every `every` counted answers. */
  readonly progress?: { readonly every: number; report(answered: number): void };
}

export interface LoadReport {
  /** Answers inside the measured window that went as they should. */
  readonly answered: number;
  /** Failed calls at any time, by what was wrong; at most 20 kinds. */
  readonly errors: Readonly<Record<string, number>>;
  readonly failed: number;
  readonly windowMs: number;
  readonly requestsPerSecond: number;
  /** DATA bytes of the counted answers. */
  readonly bytes: number;
  readonly latencyMs: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly p999: number;
    readonly max: number;
  };
  /** Connections opened beyond the first ones, after the server or the network ended some. */
  readonly reconnects: number;
  /** Open loop: starts that had to wait because `concurrency` calls were in flight. */
  readonly lateStarts: number;
}

const KINDS_OF_ERRORS = 20;
/** How long calls in flight may take once the window is over. */
const LAST_ANSWERS_MS = 10_000;
const RECONNECT_PAUSE_MS = 50;

/** @throws Error when the first connections cannot be opened. */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const run = new LoadRun(options);
  return run.run();
}

class LoadRun {
  readonly #options: LoadOptions;
  readonly #lanes: Lane[];
  readonly #latencies = new LatencyHistogram();
  readonly #errors = new Map<string, number>();
  #failed = 0;
  #bytes = 0;
  #measuringSince = Number.POSITIVE_INFINITY;
  #measuredUntil = Number.POSITIVE_INFINITY;
  #stopping = false;
  #inFlight = 0;
  #lateStarts = 0;
  #onIdle: (() => void) | undefined;
  #onCounted: (() => void) | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
    const share = Math.ceil(options.concurrency / options.connections);
    const body = new RequestBody(options.request.message);
    this.#lanes = Array.from({ length: options.connections }, (_, index) => {
      const limit = Math.min(share, options.concurrency - index * share);
      return new Lane(options, body, limit, (startedAt, bytes, error) =>
        this.#onAnswer(startedAt, bytes, error),
      );
    }).filter((lane) => lane.limit > 0);
  }

  async run(): Promise<LoadReport> {
    const { until, warmupMs, ratePerSecond } = this.#options;
    try {
      await Promise.all(this.#lanes.map((lane) => lane.connect()));
    } catch (thrown) {
      for (const lane of this.#lanes) lane.close();
      throw thrown;
    }
    const stopRate = ratePerSecond === undefined ? undefined : this.#startAtRate(ratePerSecond);
    if (!stopRate) for (const lane of this.#lanes) this.#fill(lane);
    await sleep(warmupMs);
    this.#options.onMeasuring?.();
    this.#measuringSince = performance.now();
    if (until.kind === "time") await sleep(until.ms);
    else await new Promise<void>((resolve) => (this.#onCounted = resolve));
    this.#measuredUntil = performance.now();
    this.#stopping = true;
    stopRate?.();
    await this.#idle();
    for (const lane of this.#lanes) lane.close();
    return this.#report();
  }

  #onAnswer(startedAt: number, bytes: number, error: string | undefined): void {
    this.#inFlight -= 1;
    const now = performance.now();
    if (error !== undefined) this.#countError(error);
    else if (now >= this.#measuringSince && now <= this.#measuredUntil) {
      this.#latencies.record(now - startedAt);
      this.#bytes += bytes;
      const { until, progress } = this.#options;
      const answered = this.#latencies.total;
      if (progress && answered % progress.every === 0) progress.report(answered);
      if (until.kind === "requests" && answered >= until.count) {
        this.#stopping = true;
        this.#onCounted?.();
      }
    }
    if (this.#inFlight === 0) this.#onIdle?.();
  }

  #fill(lane: Lane): void {
    lane.onRoom = () => {
      const now = performance.now();
      while (!this.#stopping && lane.send(now)) this.#inFlight += 1;
    };
    lane.onRoom();
    lane.flush();
  }

  /** @returns what ends it. */
  #startAtRate(ratePerSecond: number): () => void {
    const begin = performance.now();
    let started = 0;
    const tick = () => {
      const due = ((performance.now() - begin) / 1000) * ratePerSecond;
      let blocked = 0;
      while (started < due && blocked < this.#lanes.length) {
        const lane = this.#lanes[started % this.#lanes.length];
        if (lane?.send(begin + (started / ratePerSecond) * 1000)) {
          this.#inFlight += 1;
          started += 1;
          blocked = 0;
        } else {
          blocked = this.#lanes.length;
          this.#lateStarts += 1;
        }
      }
      for (const lane of this.#lanes) lane.flush();
    };
    const timer = setInterval(tick, 1);
    return () => clearInterval(timer);
  }

  #countError(error: string): void {
    this.#failed += 1;
    const kind =
      this.#errors.has(error) || this.#errors.size < KINDS_OF_ERRORS ? error : "other errors";
    this.#errors.set(kind, (this.#errors.get(kind) ?? 0) + 1);
  }

  async #idle(): Promise<void> {
    if (this.#inFlight === 0) return;
    let late: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      late = setTimeout(resolve, LAST_ANSWERS_MS);
    });
    clearTimeout(late);
    for (let left = this.#inFlight; left > 0; left--) this.#countError("never answered");
  }

  #report(): LoadReport {
    const windowMs = this.#measuredUntil - this.#measuringSince;
    const quantile = (share: number) => this.#latencies.quantileMs(share);
    return {
      answered: this.#latencies.total,
      errors: Object.fromEntries(this.#errors),
      failed: this.#failed,
      windowMs,
      requestsPerSecond: (this.#latencies.total / windowMs) * 1000,
      bytes: this.#bytes,
      latencyMs: {
        p50: quantile(0.5),
        p90: quantile(0.9),
        p99: quantile(0.99),
        p999: quantile(0.999),
        max: this.#latencies.largestMs,
      },
      reconnects: this.#lanes.reduce((sum, lane) => sum + lane.reconnects, 0),
      lateStarts: this.#lateStarts,
    };
  }
}

/** One connection's share of the load; opens another connection when the server ends this one. */
class Lane {
  readonly #options: LoadOptions;
  readonly #body: RequestBody;
  readonly #onAnswer: (startedAt: number, bytes: number, error: string | undefined) => void;
  readonly limit: number;
  #connection: RawConnection | undefined;
  #closed = false;
  reconnects = 0;
  /** Called when a call ended and another may start. */
  onRoom: (() => void) | undefined;

  constructor(
    options: LoadOptions,
    body: RequestBody,
    limit: number,
    onAnswer: (startedAt: number, bytes: number, error: string | undefined) => void,
  ) {
    this.#options = options;
    this.#body = body;
    this.limit = limit;
    this.#onAnswer = onAnswer;
  }

  async connect(): Promise<void> {
    const { host, port, tls, request } = this.#options;
    const address = { host, port, ...(tls && { tls }) };
    this.#connection = await RawConnection.open(
      { address, head: request, keepMessages: false },
      {
        answered: (startedAt, bytes, error) => {
          this.#onAnswer(startedAt, bytes, error);
          this.onRoom?.();
        },
        ended: () => this.#reconnect(),
      },
    );
  }

  /** @returns false where the connection takes no further call now. */
  send(startedAt: number): boolean {
    const connection = this.#connection;
    if (!connection?.usable || connection.open >= Math.min(this.limit, connection.maxStreams)) {
      return false;
    }
    connection.send(this.#body, startedAt);
    return true;
  }

  flush(): void {
    this.#connection?.flush();
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
  }

  #reconnect(): void {
    if (this.#closed) return;
    setTimeout(() => {
      if (this.#closed) return;
      this.reconnects += 1;
      this.connect().then(
        () => {
          this.onRoom?.();
          this.flush();
        },
        () => undefined, // `ended` of the failed connection tries again
      );
    }, RECONNECT_PAUSE_MS);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
